//! Which traces are recorded: what `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` ask for ("OpenTelemetry Environment
//! Variable Specification", General SDK Configuration; "Tracing SDK", Sampling).
//!
//! A client's own decision is followed where nothing else is asked for, so that a trace is whole or not there at all.

use crate::environment::Environment;

/// The samplers that are known.
const NAMES: [(&str, bool, Root); 6] = [
    (DEFAULT, true, Root::On),
    ("parentbased_always_off", true, Root::Off),
    ("parentbased_traceidratio", true, Root::Share(WHOLE)),
    ("always_on", false, Root::On),
    ("always_off", false, Root::Off),
    ("traceidratio", false, Root::Share(WHOLE)),
];

/// Where nothing is asked for.
const DEFAULT: &str = "parentbased_always_on";

/// Standard names that ask some service for its rules.
const REMOTE: [&str; 3] = ["jaeger_remote", "parentbased_jaeger_remote", "xray"];

/// Every trace: the low half of a trace's number is always below.
const WHOLE: u128 = 1 << 64;

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampler {
    /// A client that says whether it records its trace is followed.
    follows: bool,
    root: Root,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    On,
    Off,
    /// Traces whose number's low half is below this: what samples by the same rule and share decides the same.
    Share(u128),
}

impl Default for Sampler {
    fn default() -> Self {
        Self { follows: true, root: Root::On }
    }
}

impl Sampler {
    /// What is asked for. What cannot be done is told in words for people, and the default holds.
    pub(super) fn of(env: &Environment, tell: &mut Vec<String>) -> Self {
        let Some(asked) = env.text("OTEL_TRACES_SAMPLER").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        let is = |name: &str| asked.eq_ignore_ascii_case(name);
        if let Some((_, follows, root)) = NAMES.into_iter().find(|(name, ..)| is(name)) {
            let root = if matches!(root, Root::Share(_)) { Root::Share(share(env, tell)) } else { root };
            return Self { follows, root };
        }
        let known = NAMES.map(|(name, ..)| name).join(", ");
        tell.push(if REMOTE.into_iter().any(is) {
            format!("OTEL_TRACES_SAMPLER is {asked:?}, which asks a service for its rules: renewd does not; {DEFAULT} holds")
        } else {
            format!("OTEL_TRACES_SAMPLER is {asked:?}, which is none of {known}; {DEFAULT} holds")
        });
        Self::default()
    }

    /// Whether a trace is recorded. `client`: what its client says, where it has one.
    pub(super) fn takes(self, trace: &[u8; 16], client: Option<bool>) -> bool {
        match (client.filter(|_| self.follows), self.root) {
            (Some(recorded), _) => recorded,
            (None, Root::On) => true,
            (None, Root::Off) => false,
            (None, Root::Share(below)) => u128::from_be_bytes(*trace) % WHOLE < below,
        }
    }
}

/// The share of all traces that is asked for, as a bound; all of them where none is named.
fn share(env: &Environment, tell: &mut Vec<String>) -> u128 {
    let Some(asked) = env.text("OTEL_TRACES_SAMPLER_ARG").filter(|text| !text.is_empty()) else {
        return WHOLE;
    };
    match asked.trim().parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "from 0 to 1, and 2^64 is exact"
        )]
        Ok(share) if (0.0..=1.0).contains(&share) => (share * WHOLE as f64) as u128,
        _ => {
            tell.push(format!(
                "OTEL_TRACES_SAMPLER_ARG is {asked:?}; a number from 0 to 1 is wanted, and 1 holds"
            ));
            WHOLE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sampler: &str, share: &str) -> (Sampler, Vec<String>) {
        let mut told = Vec::new();
        let variables = [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", share)];
        (Sampler::of(&Environment::of(&variables), &mut told), told)
    }

    /// A trace whose number's low half begins so.
    fn trace(low: u8) -> [u8; 16] {
        let mut trace = [0xff; 16];
        trace[8] = low;
        trace
    }

    #[test]
    fn each_standard_sampler_decides_as_it_is_called() {
        for (name, alone, recorded, unrecorded) in [
            ("always_on", true, true, true),
            ("always_off", false, false, false),
            ("traceidratio", true, true, true),
            ("parentbased_always_on", true, true, false),
            ("parentbased_always_off", false, true, false),
            ("parentbased_traceidratio", true, true, false),
            ("Always_OFF", false, false, false),
            ("", true, true, false),
        ] {
            let (sampler, told) = of(name, "");
            let decided = [None, Some(true), Some(false)].map(|client| sampler.takes(&trace(0x7f), client));
            assert_eq!(decided, [alone, recorded, unrecorded], "{name}");
            assert_eq!(told, [""; 0], "{name}");
        }
        let mut told = Vec::new();
        assert_eq!(Sampler::of(&Environment::of(&[]), &mut told), Sampler::default());
        assert_eq!(told, [""; 0]);
    }

    #[test]
    fn a_share_is_that_of_the_traces_whose_number_is_low_enough() {
        for (share, first, refused) in
            [("0.5", 0x7f, Some(0x80)), ("0.25", 0x3f, Some(0x40)), ("1", 0xff, None), (" 1.0 ", 0xff, None)]
        {
            let (sampler, told) = of("traceidratio", share);
            assert_eq!(told, [""; 0], "{share}");
            assert!(sampler.takes(&trace(first), None), "{share}");
            assert!(refused.is_none_or(|low| !sampler.takes(&trace(low), Some(true))), "{share}");
        }
        assert!(!of("traceidratio", "0").0.takes(&[0; 16], None));
        let followed = of("parentbased_traceidratio", "0").0;
        assert!(followed.takes(&trace(0xff), Some(true)) && !followed.takes(&trace(0), None));
    }

    #[test]
    fn what_is_not_understood_is_told_once_and_the_default_holds() {
        for name in
            ["sometimes", "always_on,always_off", "xray", "jaeger_remote", "parentbased_jaeger_remote"]
        {
            let (sampler, told) = of(name, "0.5");
            assert_eq!(sampler, Sampler::default(), "{name}");
            let [why] = <[String; 1]>::try_from(told).unwrap();
            assert!(why.contains(name) && why.contains("parentbased_always_on holds"), "{why}");
        }
        for share in ["half", "1.1", "-0.1", "NaN", "inf", "50%"] {
            let (sampler, told) = of("traceidratio", share);
            assert!(sampler.takes(&trace(0xff), None), "{share}");
            let [why] = <[String; 1]>::try_from(told).unwrap();
            assert!(why.contains(share) && why.contains("from 0 to 1"), "{why}");
        }
        // It says nothing to these.
        assert_eq!(of("always_on", "half").1, [""; 0]);
    }
}
