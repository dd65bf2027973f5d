//! A real KeePassXC: another reading of the specification than GNOME Keyring's, where Debian's package is installed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::leash::Leash;

pub(super) const PROGRAM: &str = "keepassxc";
pub(super) const COMMAND: &str = "keepassxc-cli";

/// Where this is 1, a KeePassXC that is not there is a failure rather than a skipped test.
pub(super) const REQUIRED_ENV: &str = "RENEWD_KEEPASSXC_REQUIRED";

const PASSWORD: &str = "the password of a database that is thrown away";

/// A database with one group, which is the default collection.
const DATABASE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<KeePassFile>
  <Meta>
    <RecycleBinEnabled>False</RecycleBinEnabled>
    <CustomData><Item>
      <Key>FDO_SECRETS_EXPOSED_GROUP</Key>
      <Value>{00000000-0000-4000-8000-000000000001}</Value>
    </Item></CustomData>
  </Meta>
  <Root><Group><UUID>AAAAAAAAQACAAAAAAAAAAQ==</UUID><Name>Root</Name></Group></Root>
</KeePassFile>
"#;

/// It serves, and asks nobody to let a program read or remove an item. It saves when it is told to: version 2.7.4 crashes now
/// and then where it saves after each of many changes.
const CONFIGURATION: &str = "\
[General]
ConfigVersion=2
UpdateCheckMessageShown=true
AutoSaveAfterEveryChange=false

[FdoSecrets]
Enabled=true
ConfirmAccessItem=false
ConfirmDeleteItem=false
ShowNotification=false
";

/// Starts it in that folder.
pub(super) fn start(folder: &Path, env: &[(&'static str, String)]) -> Leash {
    let file = |name: &str| folder.join(name);
    fs::write(file("database.xml"), DATABASE).expect("the database");
    fs::write(file("keepassxc.ini"), CONFIGURATION).expect("the configuration");
    fs::write(file("database-password"), format!("{PASSWORD}\n")).expect("the password");
    // The least work that it lets a password cost.
    let mut import = Command::new(COMMAND);
    import.args(["import", "--set-password", "--decryption-time", "100"]);
    import.arg(file("database.xml")).arg(file("database.kdbx")).envs(env.iter().cloned());
    let import = import.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut import = import.expect("a database is made");
    let stdin = import.stdin.take();
    write!(stdin.expect("its input"), "{PASSWORD}\n{PASSWORD}\n").expect("the password, twice");
    assert!(import.wait().expect("a database is made").success(), "{COMMAND} made no database");

    let mut program = Command::new(PROGRAM);
    program.arg("--config").arg(file("keepassxc.ini")).arg("--localconfig").arg(file("local.ini"));
    program.arg("--pw-stdin").arg(file("database.kdbx")).envs(env.iter().cloned());
    // One of them serves a user, says a lock in the folder for what is temporary: this one has its own.
    program.env("TMPDIR", folder);
    program.env("QT_QPA_PLATFORM", "offscreen").env("PATH", std::env::var_os("PATH").unwrap_or_default());
    Leash::start(&program, &file("database-password"), &file("keepassxc.log")).expect("KeePassXC starts")
}
