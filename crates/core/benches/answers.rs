//! What judging one answer costs: nanoseconds and allocations, beside what any reader of the same body has to do.
//!
//! `cargo bench -p renewd-core --bench answers`. Three measures stand beside each judgement: checking that the body is
//! UTF-8, which nobody can leave out; copying it; and a `serde_json::Value` of it, which is where most programs begin.
//! Where the body is compressed, undoing that belongs to each of the three. All are taken in turn, round
//! by round, and the fastest round counts, because a busy machine only ever makes a round slower: take the ratios for
//! what they say.

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use renewd_core::*;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

const ROUNDS: usize = 9;
/// A round of each takes about so long.
const ROUND_NANOS: f64 = 2e7;

/// As much as core reads of a body, and as much as it makes of a compressed one.
const WIRE_MAX_BYTES: usize = 64 * 1024;
const DECODED_MAX_BYTES: usize = 256 * 1024;

/// The system's allocator, with a count of calls.
struct Counting;

#[expect(unsafe_code, reason = "an allocator can only be wrapped this way")]
// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// An answer, what it is judged by, and what comes of it.
struct Case {
    name: &'static str,
    response: Response,
    profile: Profile,
    verdict: Verdict,
}

impl Case {
    fn new(name: &'static str, status: u16, body: impl Into<Vec<u8>>, verdict: Verdict) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("content-type", "application/json"),
            header("cache-control", "no-store"),
            header("date", "Thu, 28 May 2026 20:26:40 GMT"),
        ];
        let response = Response { status, headers, body: Secret::new(body.into()), truncated: false };
        Self { name, response, profile: Profile::GENERIC, verdict }
    }
}

/// As long as the signed tokens that many servers hand out.
fn success() -> String {
    let long = "x1Y".repeat(300);
    format!(
        r#"{{"access_token":"{long}","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-b","scope":"read write"}}"#
    )
}

const REFUSED: &str = r#"{"error":"invalid_grant","error_description":"AADSTS70008: The refresh token has expired due to inactivity. The token was issued on 2026-01-09T01:17:40.0000000Z and was inactive for 90.00:00:00. Trace ID: 0c6a3f8e-1b1d-4d4f-9f55-9f1f6f0b7d11","error_codes":[70008],"timestamp":"2026-05-28 20:26:40Z"}"#;

fn cases() -> Vec<Case> {
    let page = format!("<!DOCTYPE html><title>Denied</title><body>{}", "<p>Access denied.</p>".repeat(390));
    let members = r#""a":"\u0041b","#.repeat(WIRE_MAX_BYTES / 14 - 4);
    let escapes = format!(r#"{{"error_description":"{}","error":"x"}}"#, r"\u00e9".repeat(10_900));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let deepest = format!("{{\"a\":{}", "[".repeat(WIRE_MAX_BYTES - 8));
    let unclosed = "\"refresh_token\"".repeat(WIRE_MAX_BYTES / 15 - 1);
    let bomb = gzip(&vec![b' '; 32 * 1024 * 1024]);
    // Every piece of it is nearly a piece of what was sent.
    let echoes = format!(
        r#"{{"error":"invalid_grant","error_description":"{}"}}"#,
        "stale-7c1d9e2 b-40f8a6-5e ".repeat(40)
    );
    use Verdict::*;
    let mut many = Case::new("refused, a profile of 64 overrides", 400, REFUSED, PermanentGrant);
    many.profile = profile_of_many();
    vec![
        Case::new("a success of 1 KB", 200, success(), Success),
        Case::new("… compressed with gzip", 200, gzip(success().as_bytes()), Success),
        Case::new("a refused grant", 400, REFUSED, PermanentGrant),
        many,
        Case::new("… and an echo in every word", 400, echoes, PermanentGrant),
        Case::new("a firewall's page of 8 KB", 403, page, Transient),
        Case::new("64 KB of short members", 200, format!("{{{members}\"b\":1}}"), ProtocolErrorTransient),
        Case::new("64 KB of escapes in one string", 400, escapes, Transient),
        Case::new("64 KB of names without a value", 200, format!("{{{unclosed}"), ProtocolErrorTransient),
        Case::new("100 arrays in each other", 200, deep, ProtocolErrorTransient),
        Case::new("64 KB of opening brackets", 200, deepest, ProtocolErrorTransient),
        Case::new("a gzip bomb: 32 KB for 32 MB", 200, bomb, ProtocolErrorTransient),
    ]
}

/// As many overrides as core looks at, none of which fits, and paths for every member.
fn profile_of_many() -> Profile {
    let text = |text: String| Cow::Owned(text);
    let of = |n: usize| Override {
        name: text(format!("of-our-own-{n}")),
        when: When {
            status: Cow::Owned(vec![StatusRange { from: 400, to: 403 }]),
            code: Cow::Owned(vec![text("invalid_grant".into())]),
            words: Cow::Owned(vec![text(format!("nothing like the words that came {n}"))]),
            members: Cow::Owned(vec![]),
            page: Cow::Owned(vec![text(format!("nothing like this text {n}"))]),
        },
        verdict: Verdict::Transient,
        may_have_rotated: false,
        retry_after: None,
        message: text("not this one".into()),
        source: None,
    };
    let mut profile = Profile { overrides: (0..64).map(of).collect(), ..Profile::GENERIC };
    let paths = |name: &str| (0..5).map(|n| text(format!("data[{n}].{name}"))).collect();
    profile.fields.access_token = paths("access_token");
    profile.fields.refresh_token = paths("refresh_token");
    profile.fields.error = paths("error");
    profile.fields.error_description = paths("text");
    profile
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let payload = miniz_oxide::deflate::compress_to_vec(text, 6);
    [&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &payload, &[0; 8]].concat()
}

fn main() {
    let whole = std::env::args().any(|a| a == "--bench");
    println!(
        "{:<36}{:>10}{:>13}{:>12}{:>12}{:>12}",
        "", "time", "allocations", "to serde", "to UTF-8", "to a copy"
    );
    for case in cases() {
        measure(&case, whole);
    }
}

/// Judging, and the three measures of the same body, in turn.
fn measure(case: &Case, whole: bool) {
    let sent = Secret::from("stale-7c1d9e2b-40f8a6-5e");
    let client_secret = Secret::from("s3cr3t/of+the=client-that-is-as-long-as-usual");
    let context = RequestContext {
        sent_refresh_token: Some(&sent),
        client_secret: Some(&client_secret),
        sent: &[],
        now: Wall::from_unix_millis(1_780_000_000_000),
        profile: &case.profile,
    };
    let answer = Answer::Response(case.response.clone());
    let body = case.response.body.expose();
    assert_eq!(judge(&answer, &context).verdict, case.verdict, "{}", case.name);
    // A reader that stops at the first byte is no measure.
    let means_something = [true, strict(body), str::from_utf8(&text(body)).is_ok(), true];
    let mut calls: [&mut dyn FnMut(); 4] = [
        &mut || drop(black_box(judge(black_box(&answer), &context))),
        &mut || assert!(black_box(strict(black_box(body))) || !means_something[1]),
        &mut || assert!(black_box(str::from_utf8(&text(black_box(body)))).is_ok() || !means_something[2]),
        &mut || drop(black_box(text(black_box(body)).into_owned())),
    ];
    let mut fastest = [f64::INFINITY; 4];
    for _ in 0..if whole { ROUNDS } else { 1 } {
        for (call, fastest) in calls.iter_mut().zip(&mut fastest) {
            let once = round(call, 1);
            let repeats = if whole { (ROUND_NANOS / once.max(1.0)).clamp(3.0, 100_000.0) as u32 } else { 1 };
            *fastest = fastest.min(round(call, repeats));
        }
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    calls[0]();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let ratio = |measure: usize| match means_something[measure] {
        true => format!("{:.1}", fastest[0] / fastest[measure]),
        false => "-".to_owned(),
    };
    println!(
        "{:<36}{:>7.2} µs{allocations:>13}{:>12}{:>12}{:>12}",
        case.name,
        fastest[0] / 1e3,
        ratio(1),
        ratio(2),
        ratio(3)
    );
}

/// The body as it is meant.
fn text(body: &[u8]) -> Cow<'_, [u8]> {
    match body.strip_prefix(b"\x1f\x8b\x08\0").and_then(|rest| rest.get(6..)) {
        Some(payload) => {
            let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(payload, DECODED_MAX_BYTES);
            Cow::Owned(inflated.unwrap_or_else(|broken| broken.output))
        }
        None => Cow::Borrowed(body),
    }
}

/// Whether it is JSON to everybody.
fn strict(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(&text(body)).is_ok()
}

/// Nanoseconds of one call.
fn round(call: &mut &mut dyn FnMut(), repeats: u32) -> f64 {
    let watch = stopwatch();
    for _ in 0..repeats {
        call();
    }
    watch.elapsed().as_nanos() as f64 / f64::from(repeats)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
fn stopwatch() -> Instant {
    Instant::now()
}
