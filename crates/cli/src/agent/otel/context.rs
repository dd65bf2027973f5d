//! W3C Trace Context: which trace a request is of, and how that is said to the upstream.
//!
//! A client that traces its own requests finds them again behind the proxy. A `traceparent` that is no valid one is as
//! none: a new trace begins, and what stood in `tracestate` belongs to nobody (W3C Trace Context §3.2, §4.3).

use http::{HeaderMap, HeaderName, HeaderValue};
use renewd_driver::system::SystemEntropy;

use super::sampler::Sampler;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-` trace `-` parent `-` flags: what every version begins with.
const PARENT_LEN: usize = 55;

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;

/// Where a span stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace: [u8; 16],
    pub(super) id: [u8; 8],
    /// The client's span.
    pub(super) parent: Option<[u8; 8]>,
    /// Whether it is recorded.
    pub(super) sampled: bool,
}

impl Context {
    /// Of a trace that begins here.
    pub(super) fn begun(sampler: Sampler) -> Self {
        let mut trace = [0; 16];
        for piece in trace.chunks_exact_mut(8) {
            piece.copy_from_slice(&identifier());
        }
        Self { trace, id: identifier(), parent: None, sampled: sampler.takes(&trace, None) }
    }

    /// Continues the trace of these fields, or begins one, and says so in them.
    pub(super) fn continued(fields: &mut HeaderMap, sampler: Sampler) -> Self {
        let mut all = fields.get_all(TRACEPARENT).iter();
        let parent = all.next().filter(|_| all.next().is_none()).and_then(|value| parsed(value.as_bytes()));
        let context = match parent {
            Some(Self { trace, parent, sampled, .. }) => {
                Self { trace, id: identifier(), parent, sampled: sampler.takes(&trace, Some(sampled)) }
            }
            None => {
                fields.remove(TRACESTATE);
                Self::begun(sampler)
            }
        };
        if let Ok(value) = HeaderValue::from_str(&context.traceparent()) {
            fields.insert(TRACEPARENT, value);
        }
        context
    }

    fn traceparent(&self) -> String {
        let flags = if self.sampled { SAMPLED } else { 0 };
        format!("00-{}-{}-{flags:02x}", hex(&self.trace), hex(&self.id))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nobody's secret and nobody's lock: only different from each other, and not nought, which stands for none.
fn identifier() -> [u8; 8] {
    SystemEntropy.seed().max(1).to_be_bytes()
}

/// The client's context, its span as the parent. Later versions may say more behind it (W3C Trace Context §3.2.4).
fn parsed(value: &[u8]) -> Option<Context> {
    let (known, more) = value.split_at_checked(PARENT_LEN)?;
    let mut fields = known.split(|byte| *byte == b'-');
    let [version] = unhex(fields.next()?)?;
    let trace = unhex::<16>(fields.next()?)?;
    let parent = unhex::<8>(fields.next()?)?;
    let [flags] = unhex(fields.next()?)?;
    let ends = match version {
        0 => more.is_empty(),
        0xff => false,
        _ => more.first().is_none_or(|byte| *byte == b'-'),
    };
    let sane = ends && fields.next().is_none() && trace != [0; 16] && parent != [0; 8];
    sane.then_some(Context { trace, id: parent, parent: Some(parent), sampled: flags & SAMPLED != 0 })
}

/// Lower case only, as it is written.
fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of W3C Trace Context §3.2.2.5.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn fields(parents: &[&'static str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for parent in parents {
            fields.append(TRACEPARENT, HeaderValue::from_static(parent));
        }
        fields.insert(TRACESTATE, HeaderValue::from_static("a=1,b=2"));
        fields
    }

    fn sent(fields: &HeaderMap) -> Vec<&str> {
        fields.get_all(TRACEPARENT).iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn a_clients_trace_is_continued_with_a_span_of_its_own() {
        let mut fields = fields(&[EXAMPLE]);
        let context = Context::continued(&mut fields, Sampler::default());
        assert_eq!(hex(&context.trace), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent.map(|id| hex(&id)).as_deref(), Some("00f067aa0ba902b7"));
        assert!(context.sampled && Some(context.id) != context.parent);
        assert_eq!(sent(&fields), [context.traceparent()]);
        assert_eq!(fields[TRACESTATE], "a=1,b=2");
    }

    #[test]
    fn what_the_client_does_not_record_is_not_recorded_here_either() {
        let mut fields = fields(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"]);
        let context = Context::continued(&mut fields, Sampler::default());
        assert!(!context.sampled);
        assert!(sent(&fields)[0].starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(sent(&fields)[0].ends_with("-00"), "{:?}", sent(&fields));
    }

    #[test]
    fn what_the_sampler_leaves_out_is_passed_on_as_not_recorded() {
        let mut told = Vec::new();
        let variables = [("OTEL_TRACES_SAMPLER", "always_off")];
        let off = Sampler::of(&crate::environment::Environment::of(&variables), &mut told);
        let mut fields = fields(&[EXAMPLE]);
        let context = Context::continued(&mut fields, off);
        assert!(!context.sampled && context.parent.is_some());
        assert!(sent(&fields)[0].starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(sent(&fields)[0].ends_with("-00"), "{:?}", sent(&fields));
        assert!(!Context::begun(off).sampled);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let context = Context::continued(
            &mut fields(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-comes"]),
            Sampler::default(),
        );
        assert!(context.sampled && context.parent.is_some());
    }

    #[test]
    fn what_is_no_traceparent_begins_a_trace_and_loses_the_state() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for wrong in [
            vec![],
            vec![""],
            vec![EXAMPLE, EXAMPLE],
            vec!["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
            vec!["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"],
            vec!["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more"],
            vec!["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g"],
        ] {
            let mut fields = fields(&wrong);
            let context = Context::continued(&mut fields, Sampler::default());
            assert!(context.parent.is_none() && context.sampled, "{wrong:?}");
            assert_ne!(hex(&context.trace), trace, "{wrong:?}");
            assert_eq!(sent(&fields), [context.traceparent()], "{wrong:?}");
            assert!(!fields.contains_key(TRACESTATE), "{wrong:?}");
        }
    }
}
