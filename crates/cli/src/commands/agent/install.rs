//! `renewd agent install`: have the system start the agent, and start it anew where it ends.
//!
//! What is written is an ordinary file of the service manager, for its owner to read and to change. A line in it says
//! what its content was, so that a file which somebody changed since is known from one that an earlier version wrote:
//! the first is never written over or removed without being told to.

mod launchd;
mod manager;
mod program;
mod service;
mod systemd;
mod written;

use std::path::PathBuf;

use clap::Args;

use self::manager::ServiceManager;
use self::service::Service;
use self::written::{Removal, Written};
use crate::app::App;
use crate::exit::{Exit, Failure};

/// Have the system start the agent at each login: a user unit of systemd, or a launch agent of macOS.
#[derive(Args)]
pub(super) struct Install {
    /// Start it now as well, and have it started at each login; without, the command for it is printed
    #[arg(long, conflicts_with = "print")]
    now: bool,
    /// Print what would be written, and write nothing
    #[arg(long, visible_alias = "dry-run")]
    print: bool,
    /// Write over, or remove, a file that somebody changed
    #[arg(long, conflicts_with = "print")]
    replace: bool,
    /// Remove what this command wrote; with --now, stop the agent first
    #[arg(long, conflicts_with = "print")]
    uninstall: bool,
    /// Print for this service manager [default: the one of this system]
    #[arg(long, value_name = "MANAGER", requires = "print")]
    manager: Option<ServiceManager>,
}

/// A file that a service manager reads.
struct File {
    path: PathBuf,
    text: String,
}

/// Does it.
///
/// # Errors
/// Where this system has no service manager that is known, a path cannot be written in its files, or somebody changed
/// what is to be written.
pub(super) fn run(args: &Install, app: &App) -> Result<(), Failure> {
    let manager = match args.manager.or_else(ServiceManager::of_this_system) {
        Some(manager) => manager,
        None => {
            return Err(Failure::usage("this system has no service manager that renewd knows")
                .advise("start `renewd agent` from what starts programs here; --print --manager shows how it is done elsewhere"));
        }
    };
    let service = Service::of(app)?;
    let files = manager.files(&service, &app.env)?;
    if args.print {
        return print(&files, app);
    }
    if args.uninstall { uninstall(args, manager, &files, app) } else { install(args, manager, &files, app) }
}

fn print(files: &[File], app: &App) -> Result<(), Failure> {
    for file in files {
        app.output.note(&format!("renewd: would be {}", file.path.display()));
        app.output.data(written::sealed(&file.text).as_bytes())?;
    }
    Ok(())
}

fn install(args: &Install, manager: ServiceManager, files: &[File], app: &App) -> Result<(), Failure> {
    // All are looked at before one is written: half of an installation helps nobody.
    let found =
        files.iter().map(|file| Written::at(&file.path, &file.text)).collect::<Result<Vec<_>, _>>()?;
    if let Some((file, _)) =
        files.iter().zip(&found).find(|(_, found)| **found == Written::Changed && !args.replace)
    {
        return Err(changed(file, "written over"));
    }
    for (file, found) in files.iter().zip(&found) {
        if *found == Written::Same {
            app.output.note(&format!("renewd: {} stands as it should", file.path.display()));
        } else {
            written::write(&file.path, &file.text)?;
            app.output.note(&format!("renewd: wrote {}", file.path.display()));
        }
    }
    let left_out = service::variables_left_out(&app.env);
    if !left_out.is_empty() {
        app.output.warn(&format!(
            "{} set here and unknown to the service; what it shall know belongs into the configuration",
            match left_out.as_slice() {
                [one] => format!("{one} is"),
                many => format!("{} are", many.join(", ")),
            }
        ));
    }
    let commands = manager.start(files);
    if args.now {
        manager::run_all(&commands, &app.env)?;
        app.output.note("renewd: the agent runs, and is started at each login");
    } else {
        app.output.note(&format!("start it with: {}", manager::line(&commands)));
    }
    Ok(())
}

fn uninstall(args: &Install, manager: ServiceManager, files: &[File], app: &App) -> Result<(), Failure> {
    let found =
        files.iter().map(|file| Written::at(&file.path, &file.text)).collect::<Result<Vec<_>, _>>()?;
    if let Some((file, _)) =
        files.iter().zip(&found).find(|(_, found)| **found == Written::Changed && !args.replace)
    {
        return Err(changed(file, "removed"));
    }
    let there = found.iter().any(|found| *found != Written::Absent);
    let stop = manager.stop(files);
    if args.now && there {
        manager::run_all(&stop, &app.env)?;
    }
    for file in files {
        match written::remove(&file.path)? {
            Removal::Removed => app.output.note(&format!("renewd: removed {}", file.path.display())),
            Removal::Absent => app.output.note(&format!("renewd: {} is not there", file.path.display())),
        }
    }
    if there {
        let after = manager.forget();
        if args.now {
            manager::run_all(&after, &app.env)?;
        } else {
            let rest: Vec<_> = stop.into_iter().chain(after).collect();
            app.output.note(&format!("where it runs still: {}", manager::line(&rest)));
        }
    }
    Ok(())
}

fn changed(file: &File, done: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("{} was changed, or is of somebody else, and is not {done}", file.path.display()),
    )
    .advise("--print shows what renewd would write; --replace does it all the same")
}
