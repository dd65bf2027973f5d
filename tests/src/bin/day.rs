//! A day with renewd, made short: `cargo xtask day [--speed N] [--seed N] [--hours N]`. Exit 1 where a promise was broken.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;
    let mut day = renewd_e2e::Day { speed: 240, hours: 24, seed: 1 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0);
        match (name.as_str(), number) {
            ("--speed", Some(n)) => day.speed = n,
            ("--seed", Some(n)) => day.seed = n,
            ("--hours", Some(n)) => day.hours = n,
            _ => {
                eprintln!("usage: day [--speed N] [--seed N] [--hours N]");
                return ExitCode::from(2);
            }
        }
    }
    let report = day.live();
    print!("{report}");
    if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: sockets are handed over by Linux's service managers");
}
