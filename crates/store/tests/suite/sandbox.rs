//! A kernel without openat2, or a sandbox that does not know it: the same store, over the call that there was before.

use renewd_driver::Expect;

use crate::contract::{name, record_of};
use crate::home::{Home, assert_kind, chmod, fault_of, put};
use crate::records::login;

/// Takes a system call away from this thread, and from nobody else: it answers with that error from now on.
fn take_openat2_away(errno: i32) {
    const ARGUMENTS_UNUSED: libc::c_ulong = 0;
    let instruction = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    // The first word of what a filter sees is the call's number (seccomp(2)).
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_openat2 as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    #[expect(unsafe_code, reason = "no crate of ours installs system call filters")]
    // SAFETY: both calls change this thread alone, and `program` with its filter outlives them.
    unsafe {
        let privileges =
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, ARGUMENTS_UNUSED, ARGUMENTS_UNUSED, ARGUMENTS_UNUSED);
        assert_eq!(privileges, 0);
        let installed = libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program);
        assert_eq!(installed, 0, "{}", std::io::Error::last_os_error());
        let answer = libc::syscall(libc::SYS_openat2, -1, c"/".as_ptr(), 0, 0);
        assert_eq!(
            (answer, std::io::Error::last_os_error().raw_os_error()),
            (-1, Some(errno)),
            "the call is gone"
        );
    }
}

#[test]
fn without_openat2_a_store_is_made_and_read_and_links_are_refused_as_ever() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        std::thread::spawn(move || {
            take_openat2_away(errno);
            let home = Home::new();
            let store = home.open();
            put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
            assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (1, 0));
            let record = home.file("x.record");
            std::fs::rename(&record, home.file("elsewhere")).unwrap();
            std::os::unix::fs::symlink("elsewhere", &record).unwrap();
            let fault = fault_of(store.load_blocking(&name("x")));
            assert_kind(&fault, renewd_core::StoreFaultKind::Denied, &["symbolic link"]);
            chmod(&home.state(), 0o755);
            assert_kind(&home.open_fault(), renewd_core::StoreFaultKind::Denied, &["chmod 700"]);
        })
        .join()
        .unwrap();
    }
}
