//! `cargo xtask day`: a day with an agent, five credentials, three proxies, two token files and their clients, made short;
//! exit 1 where a request failed that could have been served, or `renewd history` does not explain why it failed.

use crate::shell::{self, Failure};
use crate::test;

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let known = ["--speed", "--seed", "--hours"];
    let is_number = |text: &String| text.parse::<u64>().is_ok_and(|n| n > 0);
    let fits = args.chunks(2).all(|pair| match pair {
        [name, number] => known.contains(&name.as_str()) && is_number(number),
        _ => false,
    });
    if !fits {
        return Err(Failure::usage("day takes --speed N, --seed N and --hours N"));
    }
    let binary = test::build_binary()?;
    let mut live = shell::cargo(&["run", "--quiet", "--package", "renewd-e2e", "--bin", "day", "--"]);
    live.args(args).env("RENEWD_BIN", binary);
    shell::run(live)
}
