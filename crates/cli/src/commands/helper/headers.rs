//! The two protocols that are one line: a token, and a header in JSON.

use serde_json::json;
use zeroize::Zeroizing;

use crate::app::App;
use crate::commands::token::{Format, authorization, write};
use crate::exit::Failure;

use super::Plain;
use super::ask::{Question, token};

/// The bare token and a line break, which every such client cuts off.
pub(super) fn api_key(args: &Plain, app: &App) -> Result<(), Failure> {
    let token = token(app, &args.name, &args.wanted, Question::Token(None))?;
    app.output.data(&write(&args.name, &token, Format::Raw)?)
}

/// An object of header fields, each a text.
pub(super) fn headers(args: &Plain, app: &App) -> Result<(), Failure> {
    let token = token(app, &args.name, &args.wanted, Question::Token(None))?;
    // What no header can carry is refused here.
    write(&args.name, &token, Format::Raw)?;
    let value = authorization(&token);
    let text = std::str::from_utf8(&value)
        .map_err(|_| Failure::internal(format!("the token of {} is no text", args.name)))?;
    let line = Zeroizing::new(format!("{}\n", json!({ "Authorization": text })));
    app.output.data(line.as_bytes())
}
