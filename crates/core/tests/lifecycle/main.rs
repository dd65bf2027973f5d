//! The lifecycle of a credential, from outside: promises told one by one, every state against every input, and random
//! histories against the invariants.

mod host;
mod promises;
mod properties;
mod table;
mod together;
