//! As much of Markdown as the link check needs: links, anchors and code spans, with their lines. Fenced code, comments
//! and code spans hold no links.

use std::collections::{BTreeMap, BTreeSet};

/// What a page points at, and what it can be pointed at by.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Targets as written, in order.
    pub(crate) links: Vec<Spot>,
    /// Text between backticks, in order.
    pub(crate) code: Vec<Spot>,
    /// What may stand after a `#`.
    pub(crate) anchors: BTreeSet<String>,
}

/// A piece of text and its line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Reads a page.
pub(crate) fn read(text: &str) -> Page {
    let text = without_fences(text);
    let mut page = Page { anchors: heading_anchors(&text), ..Page::default() };
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['`', '<', ']', '[']) {
        let line = 1 + text[..text.len() - rest.len() + at].matches('\n').count();
        let at_line_start = at == 0 && rest.len() == text.len() || rest[..at].ends_with('\n');
        rest = &rest[at..];
        rest = match rest.as_bytes()[0] {
            b'`' => code_span(rest, line, &mut page),
            b'<' => html(rest, &mut page),
            b']' => inline_link(rest, line, &mut page),
            _ if at_line_start => definition(rest, line, &mut page),
            _ => &rest[1..],
        };
    }
    page
}

/// The text with its fenced code blocked out, line for line.
fn without_fences(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let mark: String = trimmed.chars().take_while(|c| matches!(c, '`' | '~')).collect();
        match &fence {
            Some(open) if trimmed.trim_end() == mark && mark.starts_with(open.as_str()) => fence = None,
            Some(_) => {}
            None if mark.starts_with("```") || mark.starts_with("~~~") => fence = Some(mark),
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn heading_anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for line in text.lines().filter(|l| l.starts_with('#')) {
        let title = line.trim_start_matches('#').trim();
        if let Some((_, id)) = title.strip_suffix('}').and_then(|t| t.rsplit_once("{#")) {
            anchors.insert(id.to_owned());
            continue;
        }
        let slug = slug(title);
        let count = seen.entry(slug.clone()).or_default();
        anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    anchors
}

/// A heading's anchor, as GitHub and mdBook make it.
fn slug(title: &str) -> String {
    let mut text = String::new();
    let mut rest = title;
    // Of a link only its text counts.
    while let Some((before, after)) = rest.split_once("](") {
        text += before;
        rest = after.split_once(')').map_or("", |(_, r)| r);
    }
    text += rest;
    let lower = text.to_lowercase();
    let kept = lower.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then_some(c),
    });
    kept.collect()
}

fn code_span<'a>(rest: &'a str, line: usize, page: &mut Page) -> &'a str {
    let ticks = rest.bytes().take_while(|b| *b == b'`').count();
    let body = &rest[ticks..];
    let paragraph = &body[..body.find("\n\n").unwrap_or(body.len())];
    let mut from = 0;
    while let Some(at) = paragraph[from..].find('`') {
        let begin = from + at;
        let run = paragraph[begin..].bytes().take_while(|b| *b == b'`').count();
        if run == ticks {
            page.code.push(Spot { line, text: paragraph[..begin].trim().to_owned() });
            return &body[begin + run..];
        }
        from = begin + run;
    }
    body
}

fn html<'a>(rest: &'a str, page: &mut Page) -> &'a str {
    if let Some(comment) = rest.strip_prefix("<!--") {
        return comment.split_once("-->").map_or("", |(_, after)| after);
    }
    let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
    for key in [" id=\"", " name=\""] {
        if let Some((id, _)) = tag.split_once(key).and_then(|(_, after)| after.split_once('"')) {
            page.anchors.insert(id.to_owned());
        }
    }
    &rest[1..]
}

fn inline_link<'a>(rest: &'a str, line: usize, page: &mut Page) -> &'a str {
    let Some(inside) = rest.strip_prefix("](") else { return &rest[1..] };
    let mut depth = 0_usize;
    let end = inside.find(|c| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' if depth == 0 => true,
        ')' => {
            depth -= 1;
            false
        }
        _ => false,
    });
    let Some(end) = end else { return inside };
    page.links.push(Spot { line, text: target(&inside[..end]) });
    &inside[end..]
}

/// `[name]: target` at the beginning of a line.
fn definition<'a>(rest: &'a str, line: usize, page: &mut Page) -> &'a str {
    let first = rest.lines().next().unwrap_or_default();
    if let Some((name, written)) = first.split_once("]: ")
        && !name[1..].contains(['[', ']'])
    {
        page.links.push(Spot { line, text: target(written) });
        return &rest[first.len()..];
    }
    &rest[1..]
}

/// A link's target without its title and angle brackets.
fn target(written: &str) -> String {
    let written = written.trim();
    match written.strip_prefix('<').and_then(|w| w.split_once('>')) {
        Some((inside, _)) => inside.to_owned(),
        None => written.split_whitespace().next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<(usize, String)> {
        read(text).links.into_iter().map(|s| (s.line, s.text)).collect()
    }

    #[test]
    fn every_form_of_link_is_found_with_its_line() {
        let text = "[a](one.md)\n![b](two.png \"title\") and [a text that\nwraps](<three four.md>)\n\n\
                    [ref]: five.md#x 'title'\n[nested (x)](six(1).md)\n[`code`](seven.md)\n";
        let expect = [
            (1, "one.md"),
            (2, "two.png"),
            (3, "three four.md"),
            (5, "five.md#x"),
            (6, "six(1).md"),
            (7, "seven.md"),
        ];
        assert_eq!(links(text), expect.map(|(l, t)| (l, t.to_owned())));
    }

    #[test]
    fn code_and_comments_hold_no_links() {
        let text = "`[a](b.md)` ``x ` [c](d.md)``\n```text\n[e](f.md)\n```\n~~~\n[g](h.md)\n~~~\n<!-- [i](j.md)\n-->\n";
        assert_eq!(links(text), []);
    }

    #[test]
    fn a_fence_ends_only_at_its_own_kind() {
        assert_eq!(links("````\n```\n[a](b.md)\n````\n[c](d.md)\n"), [(5, "d.md".to_owned())]);
    }

    #[test]
    fn code_spans_are_given_with_their_lines() {
        let page = read("a `b` and\n``c ` d`` and `open\n\nnext` paragraph\n");
        let code: Vec<_> = page.code.iter().map(|s| (s.line, s.text.as_str())).collect();
        assert_eq!(code, [(1, "b"), (2, "c ` d")]);
    }

    #[test]
    fn anchors_are_made_as_the_book_makes_them() {
        let page = read(
            "# The `auth_retrying` state, or: *how long?*\n## Again\n## Again\n## [Link](x.md) text\n\
             ## Own {#mine}\n<a id=\"here\"></a>\n```\n# no\n```\n",
        );
        let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
        assert_eq!(
            anchors,
            ["again", "again-1", "here", "link-text", "mine", "the-auth_retrying-state-or-how-long"]
        );
    }
}
