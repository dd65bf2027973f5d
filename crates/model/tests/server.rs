//! The model's server decides as the testkit's does, of which every other proof is made.

use renewd_core::AsClass;
use renewd_model::{Answer, Server, Setting, Token, Verdict};
use renewd_testkit::{AsConfig, AsModel, TokenForm, TokenVerdict};

/// Milliseconds of the testkit's time in one unit.
const UNIT_MS: u64 = 1_000;

struct Pair {
    setting: Setting,
    mine: Server,
    theirs: AsModel,
    now_ms: u64,
    /// By index: the refresh token's text, and the access token that came with it.
    texts: Vec<(String, String)>,
}

impl Pair {
    fn new(class: AsClass) -> Self {
        let mut setting = Setting::new(class);
        setting.grace = 3;
        setting.cap = 2;
        let config = AsConfig {
            class: class.name().parse().expect("a class of the testkit"),
            grace_ms: u64::from(setting.grace) * UNIT_MS,
            cap: usize::from(setting.cap),
            lifetime_ms: 1_000 * UNIT_MS,
            ..AsConfig::default()
        };
        let mut theirs = AsModel::new(config);
        let login = theirs.mint_grant(0);
        let mut mine = Server::default();
        mine.login(&setting);
        let texts = vec![(login.refresh_token, login.access_token)];
        Self { setting, mine, theirs, now_ms: 0, texts }
    }

    fn present(&mut self, index: u8) -> Result<(), String> {
        let token = Token { grant: 0, index };
        let form = TokenForm::refresh(&self.texts[usize::from(index)].0).client("testkit-client");
        let reply = self.theirs.token_request(self.now_ms, &form);
        let (answer, verdict) = self.mine.token_request(&self.setting, token);
        let theirs = self.theirs.log().last().and_then(|entry| entry.verdict);
        if theirs.map(plain) != Some(verdict) {
            return Err(format!("token {index}: the model {verdict:?}, the testkit {theirs:?}"));
        }
        let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("an answer in JSON");
        let field = |name: &str| body[name].as_str().map(str::to_owned);
        match (answer, field("refresh_token"), field("access_token")) {
            (Answer::Tokens(Some(token)), Some(text), Some(access)) => {
                let at = usize::from(token.index);
                if at == self.texts.len() {
                    self.texts.push((text, access));
                } else if self.texts[at].0 == text {
                    self.texts[at].1 = access;
                } else {
                    return Err(format!("token {index}: another refresh token than {at}"));
                }
                Ok(())
            }
            (Answer::Tokens(None), None, Some(_)) | (Answer::Refused, None, None) => Ok(()),
            (answer, ..) => Err(format!("token {index}: the model answers {answer:?}, the testkit {body}")),
        }
    }

    fn use_access(&mut self, index: u8) {
        let text = self.texts[usize::from(index)].1.clone();
        if self.theirs.check_access(self.now_ms, &text).is_valid() {
            self.mine.acknowledge(Token { grant: 0, index });
        }
    }
}

fn plain(verdict: TokenVerdict) -> Verdict {
    match verdict {
        TokenVerdict::Refreshed => Verdict::Refreshed,
        TokenVerdict::Rotated => Verdict::Rotated,
        TokenVerdict::Sibling => Verdict::Sibling,
        TokenVerdict::Repeated => Verdict::Repeated,
        TokenVerdict::Stale => Verdict::Stale,
        TokenVerdict::Reuse => Verdict::Reuse,
        _ => Verdict::Refused,
    }
}

/// Every sequence of so many moves: present one of the first tokens, use one, or let a unit pass.
fn every_sequence(class: AsClass, moves: &[u8]) -> Result<(), String> {
    let mut pair = Pair::new(class);
    for step in moves {
        let known = pair.texts.len() as u8;
        match step {
            0..=2 if *step < known => pair.present(*step)?,
            3 => pair.use_access(known - 1),
            4 => {
                pair.now_ms += UNIT_MS;
                pair.mine.elapse(&pair.setting);
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

#[test]
fn the_models_server_decides_as_the_testkits_in_every_short_history_of_every_class() {
    const MOVES: usize = 5;
    const LENGTH: u32 = 6;
    let classes = [AsClass::P0, AsClass::P1, AsClass::P2, AsClass::P3, AsClass::P4, AsClass::P5, AsClass::P6];
    for class in classes {
        for code in 0..MOVES.pow(LENGTH) {
            let moves: Vec<u8> = (0..LENGTH).map(|place| (code / MOVES.pow(place) % MOVES) as u8).collect();
            if let Err(difference) = every_sequence(class, &moves) {
                panic!("{} after {moves:?}: {difference}", class.name());
            }
        }
    }
}
