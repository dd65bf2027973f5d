//! The authorization server of the model: the table of classes of the testkit's `AsModel`, in a form that fits a state.
//! A test holds the two side by side.

use renewd_core::AsClass;

use crate::process::Answer;
use crate::record::Token;
use crate::setting::Setting;

/// One refresh token that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Issue {
    generation: u8,
    parent: Option<u8>,
    successor: Option<u8>,
    /// How long ago it was first used, up to the grace.
    superseded: Option<u8>,
    acknowledged: bool,
    evicted: bool,
    /// Whether it ever stood durably in the store.
    saved: bool,
}

/// One login.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Grant {
    number: u8,
    revoked: bool,
    /// By reuse, rather than because somebody asked.
    tripped: bool,
    issues: Vec<Issue>,
}

/// What a presented refresh token led to.
#[expect(clippy::exhaustive_enums, reason = "as in the testkit")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A new access token; the refresh token stays.
    Refreshed,
    /// A new access token and a new refresh token.
    Rotated,
    /// A replay that was given another, equally valid refresh token.
    Sibling,
    /// A replay that was given the same successor again.
    Repeated,
    /// A replay that was given an older refresh token.
    Stale,
    /// Reuse: the family is revoked.
    Reuse,
    /// Refused for another reason.
    Refused,
}

/// The server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Server {
    grants: Vec<Grant>,
    /// Live refresh tokens in order of issue, over all logins (P6).
    order: Vec<Token>,
}

impl Server {
    /// A login.
    pub fn login(&mut self, setting: &Setting) -> Token {
        let number = self.grants.len() as u8;
        self.grants.push(Grant { number, revoked: false, tripped: false, issues: Vec::new() });
        let at = self.grants.len() - 1;
        self.issue(setting, at, None)
    }

    /// Answers a token request.
    pub fn token_request(&mut self, setting: &Setting, token: Token) -> (Answer, Verdict) {
        let Some(at) = self.grants.iter().position(|g| g.number == token.grant) else {
            return (Answer::Refused, Verdict::Refused);
        };
        let verdict = self.decide(setting, token);
        let answer = match verdict {
            Verdict::Refreshed => Answer::Tokens(None),
            Verdict::Rotated | Verdict::Sibling => {
                if setting.class == AsClass::P4 {
                    // Who presents a token tells that it arrived.
                    self.acknowledge(token);
                }
                Answer::Tokens(Some(self.issue(setting, at, Some(token.index))))
            }
            Verdict::Repeated => {
                let successor = self.issue_of(token).and_then(|i| i.successor).unwrap_or(token.index);
                Answer::Tokens(Some(Token { index: successor, ..token }))
            }
            Verdict::Stale => {
                let parent = self.issue_of(token).and_then(|i| i.parent).unwrap_or(token.index);
                Answer::Tokens(Some(Token { index: parent, ..token }))
            }
            Verdict::Reuse => {
                self.grants[at].revoked = true;
                self.grants[at].tripped = true;
                Answer::Refused
            }
            Verdict::Refused => Answer::Refused,
        };
        (answer, verdict)
    }

    /// The table of classes; changes nothing.
    fn decide(&self, setting: &Setting, token: Token) -> Verdict {
        let Some((grant, issue)) = self.grant_of(token).zip(self.issue_of(token)) else {
            return Verdict::Refused;
        };
        if grant.revoked || issue.evicted {
            return Verdict::Refused;
        }
        if setting.class == AsClass::P0 {
            return Verdict::Refreshed;
        }
        let Some(superseded) = issue.superseded else { return Verdict::Rotated };
        let in_grace = superseded < setting.grace;
        let newest = grant.issues.iter().map(|i| i.generation).max().unwrap_or_default();
        match setting.class {
            AsClass::P1 | AsClass::P6 => Verdict::Sibling,
            AsClass::P3 if in_grace && issue.generation + 1 == newest => Verdict::Sibling,
            AsClass::P4 if !issue.acknowledged => Verdict::Repeated,
            AsClass::P5 if in_grace => Verdict::Stale,
            AsClass::P0 | AsClass::P2 | AsClass::P3 | AsClass::P4 | AsClass::P5 => Verdict::Reuse,
        }
    }

    fn issue(&mut self, setting: &Setting, at: usize, parent: Option<u8>) -> Token {
        let grant = &mut self.grants[at];
        let index = grant.issues.len() as u8;
        let mut generation = 0;
        if let Some(old) = parent.and_then(|p| grant.issues.get_mut(usize::from(p))) {
            generation = old.generation + 1;
            old.superseded.get_or_insert(0);
            old.successor.get_or_insert(index);
        }
        grant.issues.push(Issue {
            generation,
            parent,
            successor: None,
            superseded: None,
            acknowledged: false,
            evicted: false,
            saved: parent.is_none(),
        });
        let token = Token { grant: grant.number, index };
        if setting.class == AsClass::P6 {
            self.order.push(token);
            self.evict(setting);
        }
        token
    }

    /// Kills the oldest live refresh tokens above the cap, over all logins.
    fn evict(&mut self, setting: &Setting) {
        let Self { grants, order } = self;
        order.retain(|t| grants.iter().any(|g| g.number == t.grant && !g.revoked));
        let above = order.len().saturating_sub(usize::from(setting.cap.max(1)));
        for oldest in order.drain(..above).collect::<Vec<_>>() {
            if let Some(issue) = self.issue_mut(oldest) {
                issue.evicted = true;
            }
        }
    }

    /// A token that came with this one was used: what it replaced is retired for good (P4). True when that changed
    /// something.
    pub fn acknowledge(&mut self, token: Token) -> bool {
        let parent = self.issue_of(token).and_then(|i| i.parent);
        let issue = parent.and_then(|index| self.issue_mut(Token { index, ..token }));
        issue.is_some_and(|issue| !std::mem::replace(&mut issue.acknowledged, true))
    }

    /// Ends a login.
    pub fn revoke(&mut self, token: Token) {
        if let Some(grant) = self.grants.iter_mut().find(|g| g.number == token.grant) {
            grant.revoked = true;
        }
    }

    /// Whether a request with it would be refused from now on.
    pub fn would_refuse(&self, setting: &Setting, token: Token) -> bool {
        matches!(self.decide(setting, token), Verdict::Refused | Verdict::Reuse)
    }

    /// How long ago it was superseded, where it was.
    pub fn superseded(&self, token: Token) -> Option<u8> {
        self.issue_of(token).and_then(|i| i.superseded)
    }

    /// The refresh token issued last in that login.
    pub fn newest(&self, grant: u8) -> Option<Token> {
        let issues = self.grants.iter().find(|g| g.number == grant).map(|g| g.issues.len())?;
        Some(Token { grant, index: (issues as u8).saturating_sub(1) })
    }

    /// Whether that login was ended by reuse.
    pub fn tripped(&self, grant: u8) -> bool {
        self.grants.iter().any(|g| g.number == grant && g.tripped)
    }

    /// Notes that it stands durably in the store.
    pub fn note_saved(&mut self, token: Token) {
        if let Some(issue) = self.issue_mut(token) {
            issue.saved = true;
        }
    }

    /// Whether what was given in exchange for it ever stood durably in the store.
    pub fn successor_saved(&self, token: Token) -> bool {
        let successor = self.issue_of(token).and_then(|i| i.successor);
        successor.is_some_and(|index| self.was_saved(Token { index, ..token }))
    }

    /// Whether it ever stood durably in the store.
    pub fn was_saved(&self, token: Token) -> bool {
        self.issue_of(token).is_some_and(|i| i.saved)
    }

    /// One unit of time passes.
    pub fn elapse(&mut self, setting: &Setting) {
        if !matches!(setting.class, AsClass::P3 | AsClass::P5) {
            return;
        }
        for age in self.grants.iter_mut().flat_map(|g| &mut g.issues).filter_map(|i| i.superseded.as_mut()) {
            *age = setting.grace.min(*age + 1);
        }
    }

    fn grant_of(&self, token: Token) -> Option<&Grant> {
        self.grants.iter().find(|g| g.number == token.grant)
    }

    fn issue_of(&self, token: Token) -> Option<&Issue> {
        self.grant_of(token).and_then(|g| g.issues.get(usize::from(token.index)))
    }

    fn issue_mut(&mut self, token: Token) -> Option<&mut Issue> {
        self.grants
            .iter_mut()
            .find(|g| g.number == token.grant)
            .and_then(|g| g.issues.get_mut(usize::from(token.index)))
    }
}
