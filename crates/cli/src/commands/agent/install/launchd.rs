//! A launch agent of macOS.

use super::service::{STOP_S, Service};
use super::written::SEAL;

/// The job's label, and its file's name.
pub(super) const LABEL: &str = "renewd.agent";

/// No file of the agent's is anybody else's: 0077, in the decimal digits that a property list has.
const UMASK: u16 = 0o077;

/// Seconds between two starts, where it ends at once.
const THROTTLE_S: u32 = 10;

/// The property list. It is started at login, and anew unless it ended as it should; what it says goes to `log`.
pub(super) fn plist(service: &Service, log: &str) -> String {
    let arguments: String = service
        .command(&["agent"])
        .iter()
        .map(|w| format!("        <string>{}</string>\n", xml(w)))
        .collect();
    let variables: String = service
        .environment
        .iter()
        .map(|(k, v)| format!("        <key>{}</key>\n        <string>{}</string>\n", xml(k), xml(v)))
        .collect();
    let environment = if variables.is_empty() {
        String::new()
    } else {
        format!("    <key>EnvironmentVariables</key>\n    <dict>\n{variables}    </dict>\n")
    };
    let log = xml(log);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- Written by `renewd agent install`, {SEAL} -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{LABEL}</string>
    <key>ProgramArguments</key>
    <array>
{arguments}    </array>
{environment}    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
        <key>SuccessfulExit</key>
        <false/>
    </dict>
    <key>ThrottleInterval</key>
    <integer>{THROTTLE_S}</integer>
    <key>ExitTimeOut</key>
    <integer>{STOP_S}</integer>
    <key>Umask</key>
    <integer>{UMASK}</integer>
    <key>HardResourceLimits</key>
    <dict>
        <key>Core</key>
        <integer>0</integer>
    </dict>
    <key>StandardErrorPath</key>
    <string>{log}</string>
</dict>
</plist>
"#
    )
}

/// Text between tags.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_between_tags_as_they_are() {
        let service = Service {
            program: "/Users/a & b/<renewd>".into(),
            flags: vec!["--config".into(), "/100%/c.toml".into()],
            environment: vec![("XDG_STATE_HOME".into(), "/s".into())],
            socket: None,
        };
        let text = plist(&service, "/l");
        assert!(text.contains("<string>/Users/a &amp; b/&lt;renewd&gt;</string>"), "{text}");
        assert!(text.contains("<string>/100%/c.toml</string>\n        <string>agent</string>"), "{text}");
        assert!(text.contains("<key>XDG_STATE_HOME</key>"), "{text}");
        assert!(!plist(&Service { environment: vec![], ..service }, "/l").contains("EnvironmentVariables"));
    }
}
