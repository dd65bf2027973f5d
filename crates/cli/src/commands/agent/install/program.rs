//! The path by which this program will still be found after it was upgraded.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// What the program is called on the search path.
const NAME: &str = "renewd";

/// The entry of the search path that leads to this very file, where there is one: package managers that install each
/// version into a folder of its own keep a link there. One that another user could exchange is passed over: it would be
/// started at each login. Otherwise the file itself.
///
/// # Errors
/// When the system does not say which file this is.
pub(super) fn stable() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()
        .map_err(|e| Failure::internal(format!("the system does not say which program this is: {e}")))?;
    Ok(among(&std::env::var_os("PATH").unwrap_or_default(), &own).unwrap_or(own))
}

fn among(search: &std::ffi::OsStr, own: &Path) -> Option<PathBuf> {
    let real = own.canonicalize().ok()?;
    std::env::split_paths(search)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(NAME))
        .filter(|path| path.canonicalize().is_ok_and(|there| there == real))
        .find(|path| renewd_store::loose_way(path).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_on_the_search_path_is_kept_and_another_program_of_the_name_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for folder in ["cellar/1.0", "bin", "other"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let own = root.join("cellar/1.0/renewd");
        std::fs::write(&own, "ours").unwrap();
        std::fs::write(root.join("other/renewd"), "another").unwrap();
        std::os::unix::fs::symlink(&own, root.join("bin/renewd")).unwrap();
        let search = std::env::join_paths([root.join("other"), root.join("bin")]).unwrap();
        assert_eq!(among(&search, &own), Some(root.join("bin/renewd")));
        assert_eq!(among(root.join("other").as_os_str(), &own), None);
    }

    #[test]
    fn a_link_that_another_user_could_exchange_is_not_what_is_started_from_now_on() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (own, shared) = (root.join("renewd"), root.join("shared"));
        std::fs::write(&own, "ours").unwrap();
        std::fs::create_dir(&shared).unwrap();
        std::os::unix::fs::symlink(&own, shared.join("renewd")).unwrap();
        for (mode, found) in [(0o777, None), (0o755, Some(shared.join("renewd")))] {
            std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(among(shared.as_os_str(), &own), found, "{mode:o}");
        }
    }
}
