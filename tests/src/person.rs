//! A person at an authorization server, without a browser: follows redirects, keeps cookies, fills in every form and agrees.
//!
//! For the many logins of tests that are about something else; that a real browser can do it too is shown with one
//! (`browser.rs`). It knows no server: it reads the pages.

use std::collections::BTreeMap;

use renewd_testkit::HttpAnswer;

use crate::peer::Place;

/// So many pages and redirects is the longest login; more of them go in circles.
const STEPS_MAX: usize = 30;

/// What to type where a form asks for something, by a part of the field's name.
const ANSWERS: [(&str, &str); 2] = [("login", "alice"), ("password", "correct horse")];

/// What a button means that agrees, where a form has others beside it.
const AGREES: &str = "accept";

/// Where a person's way through a server's pages ends.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a way ends in one of these")]
pub enum Arrived {
    /// The server sends them elsewhere: the address, which was not opened.
    Sent(String),
    /// A page without anything to fill in.
    Page(HttpAnswer),
}

impl Arrived {
    /// The address.
    ///
    /// # Panics
    /// When it ended with a page.
    #[track_caller]
    pub fn address(self) -> String {
        match self {
            Self::Sent(address) => address,
            Self::Page(page) => panic!("a page and no redirect: {}", page.text()),
        }
    }

    /// The page.
    ///
    /// # Panics
    /// When it ended with a redirect.
    #[track_caller]
    pub fn page(self) -> HttpAnswer {
        match self {
            Self::Page(page) => page,
            Self::Sent(_) => panic!("a redirect to elsewhere and no page"),
        }
    }
}

/// A person with cookies.
#[derive(Debug, Default)]
pub struct Person {
    /// Values by host, path and name.
    cookies: BTreeMap<(String, String, String), String>,
}

impl Person {
    /// Somebody who was nowhere yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens an address and agrees to everything, until the server sends them to another one or has nothing more to ask.
    ///
    /// # Panics
    /// When the way has no end, or the server fails.
    #[track_caller]
    pub fn agree(&mut self, address: &str) -> Arrived {
        self.walk(address, filled)
    }

    /// The same, but as soon as a page has a link or a button that says that they would rather not, it is pressed.
    ///
    /// # Panics
    /// As [`agree`](Self::agree).
    #[track_caller]
    pub fn refuse(&mut self, address: &str) -> Arrived {
        self.walk(address, |page| refusing(page).or_else(|| filled(page)))
    }

    #[track_caller]
    fn walk(&mut self, address: &str, press: impl Fn(&str) -> Option<Step>) -> Arrived {
        let host = Place::of(address).host;
        let mut address = address.to_owned();
        let (mut form, mut ends) = (None, false);
        for _ in 0..STEPS_MAX {
            let answer = self.request(&address, form.as_deref());
            if ends {
                return Arrived::Page(answer);
            }
            assert!(answer.status < 400, "HTTP {}: {}", answer.status, answer.text());
            let next = match answer.header("location") {
                Some(to) => Some(Step { to: to.to_owned(), form: None, ends: false }),
                None => press(&answer.text()),
            };
            let Some(next) = next else { return Arrived::Page(answer) };
            address = absolute(&address, &next.to);
            if !address.starts_with(&format!("http://{host}/")) {
                return Arrived::Sent(address);
            }
            (form, ends) = (next.form, next.ends);
        }
        panic!("the way through the pages has no end");
    }

    /// Opens an address, as a browser follows a redirect to it.
    ///
    /// # Panics
    /// When nothing answers.
    #[track_caller]
    pub fn open(&mut self, address: &str) -> HttpAnswer {
        self.request(address, None)
    }

    /// A `POST` where there is a form.
    #[track_caller]
    fn request(&mut self, address: &str, form: Option<&str>) -> HttpAnswer {
        let place = Place::of(address);
        let path = place.path.split('?').next().unwrap_or_default();
        let known = self.cookies.iter();
        let mine =
            known.filter(|((host, below, _), _)| *host == place.host && path.starts_with(below.as_str()));
        let cookies: Vec<String> = mine.map(|((_, _, name), value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut fields = vec![("Accept", "text/html")];
        if !cookies.is_empty() {
            fields.push(("Cookie", &cookies));
        }
        if form.is_some() {
            fields.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let method = if form.is_some() { "POST" } else { "GET" };
        let answer = place.request(method, &fields, form.unwrap_or_default());
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            self.keep(&place.host, cookie);
        }
        answer
    }

    fn keep(&mut self, host: &str, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let path = parts.find_map(|part| part.strip_prefix("path=").or_else(|| part.strip_prefix("Path=")));
        let key = (host.to_owned(), path.unwrap_or("/").to_owned(), name.to_owned());
        if value.is_empty() {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}

/// An address as a page or a redirect names it, from the page it stands on.
fn absolute(page: &str, address: &str) -> String {
    if address.contains("://") {
        return address.to_owned();
    }
    let place = Place::of(page);
    if address.starts_with('/') {
        format!("http://{}{address}", place.host)
    } else {
        // A form without an action comes back to its own page.
        let own = if address.is_empty() { place.path } else { format!("/{address}") };
        format!("http://{}{own}", place.host)
    }
}

/// Where a page leads to.
struct Step {
    to: String,
    form: Option<String>,
    /// The page that comes of it is the last that is looked at.
    ends: bool,
}

/// A link to cancel, or the button that aborts.
fn refusing(page: &str) -> Option<Step> {
    let mut links = page.split("<a ").skip(1);
    let link = links.find(|link| link.split("</a>").next().is_some_and(|link| link.contains("Cancel")));
    if let Some(to) = link.and_then(|link| attribute(&format!(" {link}"), "href")) {
        return Some(Step { to, form: None, ends: false });
    }
    let form = filled(page).filter(|_| page.contains("name=\"abort\""))?;
    Some(Step { form: form.form.map(|form| form + "&abort=yes"), ends: true, ..form })
}

/// The first form that is sent by `POST`, filled in.
fn filled(page: &str) -> Option<Step> {
    let mut rest = page;
    while let Some(at) = rest.find("<form") {
        let form = &rest[at..];
        let end = form.find("</form>").unwrap_or(form.len());
        let (form, behind) = form.split_at(end);
        let tag = form.split('>').next().unwrap_or_default();
        if attribute(tag, "method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
            let fields: Vec<String> =
                fields(form).iter().map(|(n, v)| format!("{}={}", percent(n), percent(v))).collect();
            let to = attribute(tag, "action").unwrap_or_default();
            return Some(Step { to, form: Some(fields.join("&")), ends: false });
        }
        rest = behind;
    }
    None
}

fn fields(form: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for tag in form.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("button")) {
        let Some(name) = attribute(tag, "name") else { continue };
        let given = attribute(tag, "value").unwrap_or_default();
        let typed =
            ANSWERS.iter().find(|(part, _)| name.contains(part)).map(|(_, answer)| (*answer).to_owned());
        let value = if given.is_empty() { typed.unwrap_or_default() } else { given };
        // Of several buttons of a name one is pressed: the one that agrees, or else the first.
        match fields.iter_mut().find(|(known, _)| *known == name) {
            None => fields.push((name, value)),
            Some((_, pressed)) if value == AGREES => *pressed = value,
            Some(_) => {}
        }
    }
    fields
}

/// The value of an attribute, out of its quotes and entities.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag.find(&format!(" {name}=")).or_else(|| tag.find(&format!("\n{name}=")))?;
    let value = &tag[at + name.len() + 2..];
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = value[1..].split(quote).next()?;
    let entities =
        [("&#x2F;", "/"), ("&#x3D;", "="), ("&#34;", "\""), ("&#39;", "'"), ("&quot;", "\""), ("&amp;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, sign)| text.replace(entity, sign)))
}

/// A value as a form or an address carries it.
pub fn percent(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_filled_in_as_a_person_would_and_its_action_is_read_out_of_its_entities() {
        let page = "<form action=\"/search\" method=\"get\"></form><p><form autocomplete=\"off\" action=\"/a?x=1&amp;y=2\" \
                    method=\"post\">\n<input type=\"hidden\" name=\"prompt\" value=\"login\"/>\n<input required name=\"login\" >\
                    <input type=\"password\" name=\"password\"><button name=\"answer\" value=\"deny\">No</button>\
                    <button name=\"answer\" value=\"accept\">Yes</button></form><input name=\"outside\" value=\"1\">";
        let Step { to, form, .. } = filled(page).unwrap();
        assert_eq!(to, "/a?x=1&y=2");
        assert_eq!(form.unwrap(), "prompt=login&login=alice&password=correct%20horse&answer=accept");
        assert!(filled("<p>Done</p>").is_none());
    }

    #[test]
    fn an_address_of_a_page_is_seen_from_it() {
        let page = "http://127.0.0.1:1/auth/x?y=1";
        assert_eq!(absolute(page, "/z"), "http://127.0.0.1:1/z");
        assert_eq!(absolute(page, ""), page);
        assert_eq!(absolute(page, "http://127.0.0.1:2/callback"), "http://127.0.0.1:2/callback");
    }
}
