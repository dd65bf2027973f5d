//! The status page: a few files that are part of the program, and read the agent's own answers.
//!
//! Nothing is built, and nothing is loaded from elsewhere: the page is what stands in `files/`. It shows texts that servers
//! have sent, so its policy forbids every script but its own, and scripts every way to make markup out of text (trusted types).
//! Nothing of it is kept by the browser: it is small, next door, and of this version; and its address may hold a secret.

mod gate;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::http::{Body, answer, refused};

pub(crate) use gate::Gate;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file of the page: its path, its kind, its bytes.
type File = (&'static str, &'static str, &'static str);

static FILES: &[File] = &[
    ("", HTML, include_str!("files/index.html")),
    ("style.css", CSS, include_str!("files/style.css")),
    ("icon.svg", SVG, include_str!("files/icon.svg")),
    ("page.mjs", SCRIPT, include_str!("files/page.mjs")),
    ("feed.mjs", SCRIPT, include_str!("files/feed.mjs")),
    ("time.mjs", SCRIPT, include_str!("files/time.mjs")),
    ("words.mjs", SCRIPT, include_str!("files/words.mjs")),
    ("timeline.mjs", SCRIPT, include_str!("files/timeline.mjs")),
    ("drawing.mjs", SCRIPT, include_str!("files/drawing.mjs")),
    ("card.mjs", SCRIPT, include_str!("files/card.mjs")),
];

/// What a browser may do for this page: load it, ask its agent, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Whether the page has such a file.
pub(super) fn has(path: &str) -> bool {
    FILES.iter().any(|(name, ..)| *name == path)
}

/// A file of the page.
pub(super) fn file(path: &str) -> Response<Body> {
    let Some((_, kind, text)) = FILES.iter().find(|(name, ..)| *name == path) else {
        return refused(StatusCode::NOT_FOUND, "no such file");
    };
    let mut response = answer(StatusCode::OK, kind, Bytes::from_static(text.as_bytes()));
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // Its address may hold a secret.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a file of the page names is another file of it.
    #[test]
    fn the_page_names_its_own_files_and_no_other_place() {
        let mut named = 0;
        for (name, _, text) in FILES {
            assert!(
                !text.contains("http://") || *name == "icon.svg" || *name == "drawing.mjs",
                "{name} names another place"
            );
            assert!(!text.contains("https://") && !text.contains("//cdn"), "{name} names another place");
            for mark in ["href=\"", "src=\"", "from './", "url("] {
                for rest in text.split(mark).skip(1) {
                    let end = rest.find(['"', '\'', ')']).unwrap();
                    let place = rest[..end].trim_start_matches("./");
                    if place.starts_with('#') {
                        continue;
                    }
                    assert!(has(place), "{name} names {place}");
                    named += 1;
                }
            }
        }
        assert!(named >= FILES.len() - 1, "{named}");
        assert!(!has("mod.rs") && !has("files/index.html") && !has("../page/mod.rs"));
    }

    /// The policy would stop them anyway; then the page would not work.
    #[test]
    fn no_script_and_no_style_stands_in_the_markup_and_no_text_becomes_markup() {
        for (name, kind, text) in FILES {
            if *kind == HTML || *kind == SVG {
                for bad in ["<style", " style=", " onclick", " onload", "javascript:"] {
                    assert!(!text.contains(bad), "{name}: {bad}");
                }
                assert_eq!(
                    text.matches("<script").count(),
                    text.matches("<script type=\"module\" src=").count(),
                    "{name}"
                );
            } else {
                for bad in [
                    "innerHTML",
                    "outerHTML",
                    "insertAdjacentHTML",
                    "document.write",
                    "eval(",
                    "new Function",
                ] {
                    assert!(!text.contains(bad), "{name}: {bad}");
                }
            }
        }
    }
}
