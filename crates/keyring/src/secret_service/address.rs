//! Which bus: found, never started.
//!
//! The usual libraries start a bus where there is none, or a program that an address names. A tool that looks for a key
//! must start nothing, so only a socket of this machine that is there already is used.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Where the environment says that the session's bus is: a socket of this machine that is there already. Addresses that
/// would start a program or leave the machine are not followed. `variable` gives a variable of the environment.
///
/// # Errors
/// Why there is none that can be used.
pub fn session_bus(variable: impl Fn(&str) -> Option<OsString>) -> Result<String, &'static str> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(addresses) = set("DBUS_SESSION_BUS_ADDRESS") {
        let addresses = addresses.into_string().map_err(|_| "DBUS_SESSION_BUS_ADDRESS is not text")?;
        return addresses.split(';').find(|one| one.starts_with("unix:")).map(str::to_owned).ok_or(
            "DBUS_SESSION_BUS_ADDRESS names no socket of this machine (unix:…), and nothing else is followed: other \
             addresses start programs or leave the machine",
        );
    }
    set("XDG_RUNTIME_DIR")
        .map(|folder| Path::new(&folder).join("bus"))
        .filter(|socket| socket.exists())
        .map(|socket| format!("unix:path={}", escaped(&socket)))
        .ok_or("DBUS_SESSION_BUS_ADDRESS is not set, and there is no $XDG_RUNTIME_DIR/bus")
}

/// A path as addresses spell it (D-Bus specification, "Server Addresses").
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'-' | b'_' | b'/' | b'.' | b'\\' | b'*' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                text.push(char::from(*byte));
            }
            other => text += &format!("%{other:02x}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: Option<&str>, runtime: Option<&Path>) -> Result<String, &'static str> {
        session_bus(|name| match name {
            "DBUS_SESSION_BUS_ADDRESS" => address.map(Into::into),
            "XDG_RUNTIME_DIR" => runtime.map(Into::into),
            _ => None,
        })
    }

    #[test]
    fn the_variable_goes_before_the_runtime_folder_and_an_empty_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(found(None, Some(folder.path())).unwrap_err().contains("$XDG_RUNTIME_DIR/bus"));
        std::fs::write(folder.path().join("bus"), "").unwrap();
        let there = format!("unix:path={}/bus", folder.path().display());
        assert_eq!(found(Some(""), Some(folder.path())).unwrap(), there);
        assert_eq!(found(Some("unix:path=/x"), Some(folder.path())).unwrap(), "unix:path=/x");
        assert!(found(None, None).is_err());
    }

    #[test]
    fn an_address_that_would_start_a_program_or_leave_the_machine_is_not_followed() {
        for bad in ["autolaunch:", "unixexec:path=/bin/true", "tcp:host=example.org,port=1", "nonsense"] {
            assert!(found(Some(bad), None).unwrap_err().contains("unix:"), "{bad}");
        }
        assert_eq!(
            found(Some("autolaunch:;unix:abstract=/a,guid=1"), None).unwrap(),
            "unix:abstract=/a,guid=1"
        );
    }

    #[test]
    fn what_an_address_cannot_spell_is_escaped() {
        assert_eq!(escaped(Path::new("/run/a b;c=%")), "/run/a%20b%3bc%3d%25");
    }
}
