//! Which of several upstreams a request goes to: by the beginning of its path.
//!
//! A prefix decides whose token goes along, so it must not be possible to come in by one and arrive by another. Hence
//! it is compared as it is written, segment by segment; nothing is decoded, and a path that some reader could take to go
//! up a level goes nowhere.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use http::uri::PathAndQuery;
use renewd_driver::CredentialName;

use crate::config::{REPLAY_LIMIT_DEFAULT_BYTES, UpstreamHttp2};
use crate::token::TokenSource;
use crate::upstream::Upstream;

/// Longest prefix, in bytes: it is repeated in every request line.
const PREFIX_BYTES_MAX: usize = 256;

/// Further routes of one listener: each request looks through them.
pub const ROUTES_MAX: usize = 64;

/// The beginning of a path: whole segments of unreserved characters, `/github` as well as `/github/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix(String);

/// Why a prefix cannot be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixError(&'static str);

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the prefix {}; write it like /github/", self.0)
    }
}

impl std::error::Error for PrefixError {}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let wrong = |what| Err(PrefixError(what));
        let Some(rest) = text.strip_prefix('/') else { return wrong("does not begin with /") };
        if text.len() > PREFIX_BYTES_MAX {
            return wrong("is longer than 256 bytes");
        }
        if rest.is_empty() {
            return Ok(Self::root());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.starts_with('~') {
            return wrong("begins with ~, which is for path secrets");
        }
        for segment in rest.split('/') {
            if segment.is_empty() || segment == "." || segment == ".." {
                return wrong("has an empty segment, or one of dots");
            }
            if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
                return wrong("may hold A-Z a-z 0-9 - . _ ~ and / only");
            }
        }
        Ok(Self(format!("/{rest}")))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.0)
    }
}

impl Prefix {
    /// Every path.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// True for [`root`](Self::root).
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// More is more exact.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the path is at or below it.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.is_root() || path.strip_prefix(self.0.as_str()).is_some_and(below)
    }

    /// The target without it. Only for one that it holds.
    pub(crate) fn strip(&self, target: &PathAndQuery) -> Option<PathAndQuery> {
        if self.is_root() {
            return Some(target.clone());
        }
        let rest = target.as_str().strip_prefix(self.0.as_str())?;
        let origin_form = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        PathAndQuery::from_maybe_shared(origin_form.into_bytes()).ok()
    }
}

/// One more upstream of a listener, for the paths below a prefix.
#[non_exhaustive]
#[derive(Clone)]
pub struct Route {
    /// Which paths. Of several that hold a path the longest is taken.
    pub prefix: Prefix,
    /// Whether the upstream gets the path without it, as with a base URL.
    pub strip_prefix: bool,
    /// Where its requests go.
    pub upstream: Upstream,
    /// When HTTP/2 is spoken there.
    pub upstream_http2: UpstreamHttp2,
    /// The credential's name, for problem bodies and logs.
    pub credential: CredentialName,
    /// Gives the tokens.
    pub source: Arc<dyn TokenSource>,
    /// Bytes of a request body that are kept for one replay after a 401.
    pub replay_limit: usize,
    /// PEM certificates to trust for an https upstream, instead of the compiled-in list.
    pub ca_file: Option<PathBuf>,
    /// What a person can do when a login is needed; shown in the 503's body.
    pub login_command: Option<String>,
}

impl Route {
    /// With the defaults for everything else: the prefix is stripped.
    pub fn new(
        prefix: Prefix,
        upstream: Upstream,
        credential: CredentialName,
        source: Arc<dyn TokenSource>,
    ) -> Self {
        Self {
            prefix,
            strip_prefix: true,
            upstream,
            upstream_http2: UpstreamHttp2::default(),
            credential,
            source,
            replay_limit: REPLAY_LIMIT_DEFAULT_BYTES,
            ca_file: None,
            login_command: None,
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} for {}", self.prefix, self.upstream, self.credential.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_is_read_with_or_without_its_last_slash() {
        assert_eq!(prefix("/github"), prefix("/github/"));
        assert_eq!(prefix("/a/b.c/").to_string(), "/a/b.c/");
        assert!(prefix("/").is_root());
        for (text, why) in [
            ("", "does not begin"),
            ("github/", "does not begin"),
            ("//", "empty segment"),
            ("/a//b", "empty segment"),
            ("/a/./b", "dots"),
            ("/..", "dots"),
            ("/~secret", "path secrets"),
            ("/a%2fb", "may hold"),
            ("/a b", "may hold"),
            ("/a?b", "may hold"),
        ] {
            let error = text.parse::<Prefix>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn only_whole_segments_as_they_are_written_are_held() {
        for (path, held) in [
            ("/github", true),
            ("/github/", true),
            ("/github/x", true),
            ("/githubx", false),
            ("/github%2fx", false),
            ("/GitHub/x", false),
            ("/%67ithub/x", false),
            ("//github/x", false),
            ("/./github/x", false),
            ("/", false),
        ] {
            assert_eq!(prefix("/github/").holds(path), held, "{path}");
            assert!(Prefix::root().holds(path));
        }
    }

    #[test]
    fn the_rest_is_kept_as_it_is_written() {
        for (target, rest) in [
            ("/github", "/"),
            ("/github?x=/y", "/?x=/y"),
            ("/github/", "/"),
            ("/github/a%2Fb?c", "/a%2Fb?c"),
            ("/github//a", "//a"),
        ] {
            let stripped = prefix("/github").strip(&target.parse().unwrap()).unwrap();
            assert_eq!(stripped.as_str(), rest, "{target}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_held_is_the_prefix_and_the_rest_and_nothing_is_lost(
            path in "(/(github|git|gith%75b|hub|\\.|\\.\\.|%2e|x|)){0,5}(\\?[a-z/]{0,4})?"
        ) {
            let prefix = prefix("/github");
            let target: Result<PathAndQuery, _> = path.parse();
            if let Ok(target) = target && target.as_str().starts_with('/') && prefix.holds(target.path()) {
                let rest = prefix.strip(&target).unwrap();
                prop_assert!(rest.as_str().starts_with('/'));
                let again = format!("/github{}", rest.as_str());
                let bare = target.as_str().strip_prefix("/github").unwrap();
                let with_slash = ["/github/", bare].concat();
                prop_assert!(again == target.as_str() || !bare.starts_with('/') && again == with_slash);
            }
        }
    }
}
