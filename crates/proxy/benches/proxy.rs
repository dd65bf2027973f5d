//! What a request costs through this proxy, beside nginx, haproxy and the barest proxy that the same HTTP library makes.
//!
//! Each is a process of its own with one thread that works, adds the same `Authorization`, keeps its connections to the
//! same upstream, and is asked in turn by the same clients. Rounds alternate, so that what else the machine does hits all
//! alike, and of each the best round counts. Programs that are not installed are named and left out.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod support;

use std::time::Duration;

use support::load::{self, Load};
use support::rivals::{self, Rival};
use support::roles;

/// Bytes of the request's body, and of the answer's. None: a GET that is answered with two bytes.
const BODIES: [usize; 3] = [0, 1024, 64 * 1024];
/// Clients that ask at the same time, each on a connection that it keeps.
const CLIENTS: usize = 32;
const ROUNDS: usize = 4;
const ROUND: Duration = Duration::from_millis(1500);

/// The best of all rounds.
#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    cpu_us: f64,
    alone_us: f64,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--role") {
        return roles::run(&args[at + 1..]);
    }
    let upstream = rivals::upstream();
    let direct = Rival::direct(upstream.address());
    let mut rivals = vec![direct, rivals::hyper(upstream.address()), rivals::renewd(upstream.address())];
    for (name, begun) in
        [("nginx", rivals::nginx(upstream.address())), ("haproxy", rivals::haproxy(upstream.address()))]
    {
        match begun {
            Ok(rival) => rivals.push(rival),
            Err(why) => println!("{name} is left out: {why}"),
        }
    }
    println!(
        "{CLIENTS} clients over HTTP/1.1 with connections that stay; best of {ROUNDS} rounds of {ROUND:?}\n"
    );
    for size in BODIES {
        let mut best: Vec<Option<Figures>> = vec![None; rivals.len()];
        for _ in 0..ROUNDS {
            for (rival, best) in rivals.iter().zip(&mut best) {
                let seen = measured(rival, size);
                *best = Some(best.map_or(seen, |best| Figures {
                    per_second: best.per_second.max(seen.per_second),
                    cpu_us: best.cpu_us.min(seen.cpu_us),
                    alone_us: best.alone_us.min(seen.alone_us),
                }));
            }
        }
        show(size, &rivals, &best);
    }
}

fn measured(rival: &Rival, size: usize) -> Figures {
    let load = Load { address: rival.address(), size, clients: CLIENTS, span: ROUND };
    let before = rival.cpu();
    let together = load::run(&load);
    let cpu = rival.cpu().saturating_sub(before);
    let alone = load::run(&Load { clients: 1, span: ROUND / 4, ..load });
    Figures {
        per_second: together.requests as f64 / ROUND.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / together.requests.max(1) as f64,
        alone_us: alone.median.as_secs_f64() * 1e6,
    }
}

/// A table: each beside the bare hyper proxy.
fn show(size: usize, rivals: &[Rival], best: &[Option<Figures>]) {
    let what = if size == 0 { "no body".to_owned() } else { format!("{size} bytes each way") };
    println!("{what}");
    println!("| | requests/s | CPU for each | ratio | alone, median | added |");
    println!("|---|---|---|---|---|---|");
    let (direct, bare) = (best[0], best[1]);
    for (rival, figures) in rivals.iter().zip(best) {
        let (Some(figures), Some(direct), Some(bare)) = (figures, direct, bare) else { continue };
        let (cpu, ratio) = if rival.is_direct() {
            ("".to_owned(), "".to_owned())
        } else {
            (format!("{:.1} µs", figures.cpu_us), format!("{:.2}", figures.cpu_us / bare.cpu_us))
        };
        println!(
            "| {} | {:.0} | {cpu} | {ratio} | {:.0} µs | {:.0} µs |",
            rival.name(),
            figures.per_second,
            figures.alone_us,
            figures.alone_us - direct.alone_us,
        );
    }
    println!();
}
