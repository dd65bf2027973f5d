//! The places where a store's key can lie, in words for whoever has to choose: what protects it there, what it needs,
//! and where its protection ends.

use std::path::Path;

/// The line that a person chooses by.
pub(super) struct Source {
    /// The setting: `keyring`, `file`, `file:PATH`, `passphrase`, `systemd:NAME`.
    pub(super) setting: &'static str,
    /// In a few words.
    pub(super) title: &'static str,
    /// What protects it.
    pub(super) protects: &'static str,
    /// What it needs: at boot, without a desktop.
    pub(super) needs: &'static str,
    /// What it does not do.
    pub(super) limits: &'static str,
}

/// Every one, the strongest for a desktop first.
pub(super) static SOURCES: &[Source] = &[
    Source {
        setting: "keyring",
        title: "the system's keyring",
        protects: "your login password. Copies of the disk, and other users, cannot open the records.",
        needs: "an unlocked keyring: somebody who logged in. Nothing runs at boot or from cron before that.",
        limits: "another program of yours can ask the keyring for it as well.",
    },
    Source {
        setting: "passphrase",
        title: "a passphrase that you enter",
        protects: "the passphrase (argon2id). Nothing on this machine opens the records without it.",
        needs: "you, or an open descriptor (--passphrase-fd), whenever the agent or a command without one starts.",
        limits: "it is as strong as the passphrase; one that is forgotten cannot be recovered.",
    },
    Source {
        setting: "systemd:NAME",
        title: "a credential that systemd hands to the service",
        protects: "systemd (LoadCredentialEncrypted=): the machine's own key, or its TPM. Works at boot.",
        needs: "a unit with that credential; only what runs in such a unit opens the records.",
        limits: "root of this machine can have it decrypted.",
    },
    Source {
        setting: "file:PATH",
        title: "a key file elsewhere",
        protects: "wherever PATH lies: a secret mount, a stick, a disk that no backup copies.",
        needs: "PATH to be there, mode 0600 and yours (or root's), whenever a store is opened.",
        limits: "whoever can read both PATH and the records has your logins.",
    },
    Source {
        setting: "file",
        title: "a key file beside the records",
        protects: "its mode (0600) alone. Works everywhere: at boot, from cron, without a desktop.",
        needs: "nothing.",
        limits: "whoever can read your files, or a backup of them, has your logins.",
    },
];

/// The source that a setting names.
pub(super) fn of(setting: &str) -> Option<&'static Source> {
    let kind = setting.split_once(':').map_or(setting, |(kind, _)| kind);
    let named = |source: &&Source| match source.setting.split_once(':') {
        Some((name, _)) => name == kind && setting.contains(':'),
        None => source.setting == setting,
    };
    SOURCES.iter().find(named)
}

/// Where the key will lie, for people.
pub(super) fn place(setting: &str, keyring: &str, state: &Path) -> String {
    match setting.split_once(':') {
        Some(("file", path)) => path.to_owned(),
        Some((_, name)) => format!("the systemd credential {name}"),
        None => match setting {
            "keyring" => keyring.to_owned(),
            "passphrase" => "your memory: it is derived from the passphrase".to_owned(),
            _ => state.join("key").display().to_string(),
        },
    }
}

/// The commands that choose, one a line, for whoever cannot be asked.
pub(super) fn commands() -> String {
    let lines = SOURCES.iter().map(|s| format!("renewd init --key {:<14} # {}", s.setting, s.title));
    lines.collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_explained_and_nothing_else() {
        for (setting, kind) in [
            ("keyring", "keyring"),
            ("file", "file"),
            ("file:/k", "file:PATH"),
            ("passphrase", "passphrase"),
            ("systemd:k", "systemd:NAME"),
        ] {
            assert_eq!(of(setting).unwrap().setting, kind);
        }
        for nothing in ["", "clear", "none", "systemd", "keyring:x", "passphrase:x"] {
            assert!(of(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn whoever_cannot_be_asked_is_given_every_command() {
        let all = commands();
        for source in SOURCES {
            assert!(all.contains(&format!("renewd init --key {}", source.setting)), "{all}");
        }
    }
}
