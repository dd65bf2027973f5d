//! Just enough of an HTTP/1.1 server to misbehave precisely.
//!
//! A server library would hide what faults need: when bytes are read, how a connection ends, whether a length is true.
//! One thread serves one connection; tests have tens or hundreds, not millions.

mod body;
mod connection;
mod head;
mod listener;
mod stop;

pub(crate) use connection::{After, Connection};
#[cfg(feature = "tls")]
pub(crate) use connection::{Plain, Stream};
pub(crate) use head::Head;
pub(crate) use listener::{Listener, Service, Wrap};
pub(crate) use stop::Stop;

/// A header field, as it came or as it will be sent.
pub(crate) type Field = (String, String);

/// The first field of this name, in any case.
pub(crate) fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
