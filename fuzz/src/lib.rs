//! What the targets of this workspace share with the tests: the promises about reading answers.

#[path = "../../crates/core/tests/answer_properties/promises/mod.rs"]
pub mod promises;
