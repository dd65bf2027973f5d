//! `renewd`: the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    renewd_command::main()
}
