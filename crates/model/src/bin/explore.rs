//! `cargo run --release -p renewd-model -- --processes 3 --faults 2 P2 P4`: bigger bounds than the tests', one line for
//! each class.

use std::process::ExitCode;
use std::time::Instant;

use renewd_core::AsClass;
use renewd_model::{Bounds, Fault, Machine, RealProcess, Setting, exhaust, story};

const USAGE: &str = "\
usage: explore [--core] [--units N] [--processes N] [--wishes N] [--faults N] [--logins N] [--grace N] [--only FAULT,…] [--threads N] [CLASS…]
--core takes the real core for the model's own machine; it wants --units, since its clocks never come back.
A class is P0 to P6; none means all. A fault is a name as in `Fault`, such as Crash; none means all.";

struct Options {
    classes: Vec<AsClass>,
    processes: usize,
    bounds: Bounds,
    grace: Option<u8>,
    only: Option<Vec<Fault>>,
    threads: usize,
    core: bool,
}

fn main() -> ExitCode {
    let options = match read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!("class  processes  wishes  faults  logins  states  depth  logins needed  trips  seconds");
    let broken = options.classes.iter().filter(|class| !explore(**class, &options)).count();
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::disallowed_methods, reason = "how long a search took is told, and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

/// Searches one class; false where a promise was broken.
fn explore(class: AsClass, options: &Options) -> bool {
    let mut setting = Setting::new(class);
    setting.processes = options.processes;
    setting.bounds = options.bounds;
    setting.grace = options.grace.unwrap_or(setting.grace);
    setting.faults = options.only.clone().unwrap_or(setting.faults);
    let began = now();
    let findings = if options.core {
        setting.looks_ahead_one_in = 16;
        exhaust::<RealProcess>(&setting, options.threads)
    } else {
        exhaust::<Machine>(&setting, options.threads)
    };
    let Bounds { wishes, faults, logins, .. } = setting.bounds;
    println!(
        "{:<5}  {:>9}  {wishes:>6}  {faults:>6}  {logins:>6}  {}  {}  {}  {}  {}",
        class.name(),
        setting.processes,
        findings.states,
        findings.depth,
        findings.needed_logins,
        findings.trips,
        began.elapsed().as_secs()
    );
    for (promise, steps) in &findings.broken {
        let told = if options.core { story::<RealProcess> } else { story::<Machine> };
        println!("broken: {}\n{}", promise.name(), told(&setting, steps));
    }
    findings.broken.is_empty()
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        classes: Vec::new(),
        processes: 2,
        bounds: Bounds { wishes: 2, faults: 1, logins: 0, units: Bounds::FOR_EVER },
        grace: None,
        only: None,
        threads: 2,
        core: false,
    };
    while let Some(word) = words.next() {
        if let Some(class) = AsClass::from_name(&word) {
            options.classes.push(class);
            continue;
        }
        if word == "--core" {
            options.core = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} is no class, and no value follows it"))?;
        let number =
            || value.parse::<u8>().map_err(|_| format!("{word} wants a number up to 255, not {value:?}"));
        match word.as_str() {
            "--processes" => options.processes = usize::from(number()?).max(1),
            "--wishes" => options.bounds.wishes = number()?,
            "--faults" => options.bounds.faults = number()?,
            "--logins" => options.bounds.logins = number()?,
            "--units" => options.bounds.units = number()?,
            "--grace" => options.grace = Some(number()?),
            "--threads" => options.threads = usize::from(number()?).max(1),
            "--only" => options.only = Some(value.split(',').map(fault).collect::<Result<_, _>>()?),
            _ => return Err(format!("{word} is not known")),
        }
    }
    if options.classes.is_empty() {
        let all = ["P0", "P1", "P2", "P3", "P4", "P5", "P6"];
        options.classes = all.into_iter().filter_map(AsClass::from_name).collect();
    }
    Ok(options)
}

fn fault(name: &str) -> Result<Fault, String> {
    Fault::ALL
        .into_iter()
        .find(|f| format!("{f:?}").eq_ignore_ascii_case(name))
        .ok_or_else(|| format!("{name:?} is no fault; there are {:?}", Fault::ALL))
}
