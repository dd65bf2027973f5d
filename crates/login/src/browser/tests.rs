use super::*;

fn folder_with(programs: &[&str]) -> (tempfile::TempDir, OsString) {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        let path = folder.path().join(program);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let path = folder.path().as_os_str().to_owned();
    (folder, path)
}

fn desktop(path: &OsStr) -> Surroundings {
    Surroundings { path: Some(path.to_owned()), display: true, ..Surroundings::default() }
}

#[test]
fn no_browser_is_started_where_nobody_would_see_it() {
    let (_folder, path) = folder_with(&["xdg-open"]);
    let desktop = desktop(&path);
    assert_eq!(desktop.is_for_browsers(Platform::Unix), Ok(()));
    let cases = [
        (Surroundings { root: true, ..desktop.clone() }, "root"),
        (Surroundings { ssh: true, ..desktop.clone() }, "SSH"),
        (Surroundings { display: false, ..desktop.clone() }, "display"),
        (Surroundings { root: true, browser: Some("xdg-open".into()), ..desktop.clone() }, "root"),
    ];
    for (around, word) in cases {
        assert!(around.is_for_browsers(Platform::Unix).unwrap_err().contains(word), "{word}");
    }
    let named = Surroundings { ssh: true, browser: Some("xdg-open".into()), ..desktop };
    assert_eq!(named.is_for_browsers(Platform::Unix), Ok(()));
}

// rfc-test: 8252-8.12
#[cfg(unix)]
#[test]
fn the_address_is_one_argument_and_there_is_no_shell() {
    let (folder, path) = folder_with(&["xdg-open", "gio", "firefox"]);
    let url = "https://as.example/a?b=c&d=$(reboot);e";
    let arguments = |around: &Surroundings| {
        let browser = SystemBrowser::found_in(around, Platform::Unix).unwrap();
        let command = browser.command(url);
        let words: Vec<String> = command.get_args().map(|word| word.to_str().unwrap().to_owned()).collect();
        (Path::new(command.get_program()).strip_prefix(folder.path()).unwrap().to_owned(), words)
    };
    let desktop = desktop(&path);
    assert_eq!(arguments(&desktop), ("xdg-open".into(), vec![url.to_owned()]));
    for (variable, program, words) in [
        ("firefox", "firefox", vec![url]),
        ("firefox --new-window %s --foreground", "firefox", vec!["--new-window", url, "--foreground"]),
        ("nothing-here:firefox -P work", "firefox", vec!["-P", "work", url]),
    ] {
        let named = Surroundings { browser: Some(variable.into()), ..desktop.clone() };
        assert_eq!(arguments(&named), (program.into(), words.iter().map(|w| (*w).to_owned()).collect()));
    }
}

#[test]
fn a_variable_that_names_nothing_here_is_no_reason_to_take_another_browser() {
    let (_folder, path) = folder_with(&["xdg-open"]);
    for variable in ["nothing-here", "./xdg-open", "sub/xdg-open", "$(touch x)", " ", ":"] {
        let around = Surroundings { browser: Some(variable.into()), ..desktop(&path) };
        let why = SystemBrowser::found_in(&around, Platform::Unix).unwrap_err();
        assert!(why.contains("BROWSER"), "{variable}: {why}");
    }
}

#[test]
fn without_a_program_that_opens_pages_it_says_which_would_do() {
    let (_folder, path) = folder_with(&[]);
    let why = SystemBrowser::found_in(&desktop(&path), Platform::Unix).unwrap_err();
    assert!(why.contains("xdg-open"), "{why}");
    assert!(SystemBrowser::found_in(&desktop(&path), Platform::Apple).unwrap_err().contains("open"));
    assert!(SystemBrowser::found_in(&desktop(&path), Platform::Windows).unwrap_err().contains("rundll32"));
    // A folder that is not absolute is the working folder in disguise.
    let relative = Surroundings { path: Some("".into()), ..desktop(OsStr::new("")) };
    assert!(SystemBrowser::found_in(&relative, Platform::Unix).is_err());
}

#[test]
fn only_a_web_address_reaches_a_browser() {
    let browser = SystemBrowser { program: "/nothing/here".into(), arguments: vec![None] };
    let long = format!("https://as.example/{}", "a".repeat(URL_MAX_BYTES));
    for url in [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "--version",
        "-https://as.example/",
        "https://as.example/ --help",
        "https://as.example/\"x",
        "https://as.example/`reboot`",
        "https://as.example/|x",
        "https://as.example/\nx",
        "HTTPS://as.example/",
        "data:text/html,x",
        "",
        &long,
    ] {
        assert_eq!(browser.open(url).unwrap_err(), "this is no address for a browser", "{url}");
    }
    assert!(browser.open("https://as.example/?a=b&c=d%20e").unwrap_err().contains("cannot be started"));
}

#[cfg(unix)]
#[test]
fn what_opens_pages_gets_the_address_and_nothing_to_read_or_to_write() {
    let (folder, path) = folder_with(&[]);
    let opener = folder.path().join("xdg-open");
    let (draft, told) = (folder.path().join("draft"), folder.path().join("told"));
    let script = format!(
        "#!/bin/sh\necho noise; echo noise >&2\n{{ echo \"$#\"; echo \"$1\"; cat; }} > '{}' && mv '{0}' '{}'\n",
        draft.display(),
        told.display()
    );
    std::fs::write(&opener, script).unwrap();
    std::fs::set_permissions(&opener, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let browser = SystemBrowser::found_in(&desktop(&path), Platform::Unix).unwrap();
    let url = "https://as.example/a?b=c&d=$HOME;e";
    // The script calls programs of the system, which stand in this process's own PATH.
    while let Err(why) = browser.open(url) {
        // Another test's child may still hold the script that was just written (ETXTBSY).
        assert!(why.contains("busy"), "{why}");
    }
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    for _ in 0..6000 {
        if told.exists() {
            break;
        }
        let _a_pause = never.recv_timeout(std::time::Duration::from_millis(10));
    }
    assert_eq!(std::fs::read_to_string(&told).unwrap(), format!("1\n{url}\n"));
}

#[test]
fn a_browser_is_told_nothing_that_leads_to_a_key() {
    let names =
        ["PATH", "RENEWD_STORE_KEY", "DISPLAY", "CREDENTIALS_DIRECTORY", "RENEWD_STORE_PASSPHRASE_FD"];
    let removed: Vec<OsString> = of_the_store(names.iter().map(OsString::from)).collect();
    assert_eq!(removed, ["RENEWD_STORE_KEY", "CREDENTIALS_DIRECTORY", "RENEWD_STORE_PASSPHRASE_FD"]);
}
