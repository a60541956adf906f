namespace Orchestrator.Oci.Runtime;

/// <summary>Docker's default filter: what is not named is refused with EPERM; some calls come with the capability that they need anyway.</summary>
internal static class DefaultSeccomp
{
    private const string Allow = "SCMP_ACT_ALLOW";

    // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: a new namespace needs CAP_SYS_ADMIN.
    private const ulong NamespaceFlags = 0x7E020000;

    private const string AllowedAlways = """
        accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod chown clock_adjtime
        clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create
        epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat
        exit exit_group faccessat faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat
        fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue
        futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid
        geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
        getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr getxattrat inotify_add_watch
        inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioctl
        ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat
        listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier
        memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap modify_ldt mprotect mq_getsetattr
        mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall
        munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc
        pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv
        process_vm_writev pselect6 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg
        recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
        sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl
        semget semop semtimedop sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid setfsuid
        setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid
        setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socketpair splice stat statfs
        statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete
        timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask
        uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write writev
        """;

    // The same for 32-bit programs, which have calls of their own for the same things.
    private const string AllowedTo32Bit = """
        _llseek _newselect chown32 clock_adjtime64 clock_getres_time64 clock_gettime64 clock_nanosleep_time64 fadvise64_64 fchown32 fcntl64
        fstat64 fstatat64 fstatfs64 ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32
        io_pgetevents_time64 ipc lchown32 lstat64 mmap2 mq_timedreceive_time64 mq_timedsend_time64 nice ppoll_time64 pselect6_time64
        recv recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64 send sendfile64 setfsgid32 setfsuid32
        setgid32 setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32 sigaction signal sigprocmask sigreturn socketcall
        stat64 statfs64 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit utimensat_time64 waitpid
        """;

    private static readonly (string Capability, string Names)[] s_allowedWith =
    [
        ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
        ("CAP_SYS_ADMIN", """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr
            mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount2 unshare
            """),
        ("CAP_SYS_BOOT", "reboot"),
        ("CAP_SYS_CHROOT", "chroot"),
        ("CAP_SYS_MODULE", "delete_module init_module finit_module"),
        ("CAP_SYS_PACCT", "acct"),
        ("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
        ("CAP_SYS_RAWIO", "iopl ioperm"),
        ("CAP_SYS_TIME", "settimeofday clock_settime"),
        ("CAP_SYS_TTY_CONFIG", "vhangup"),
        ("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        ("CAP_SYSLOG", "syslog"),
        ("CAP_BPF", "bpf"),
        ("CAP_PERFMON", "perf_event_open"),
    ];

    public static SeccompConfig For(IReadOnlyCollection<string> capabilities) => new()
    {
        DefaultAction = "SCMP_ACT_ERRNO",
        DefaultErrnoRet = 1,
        Architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        Syscalls =
        [
            new SeccompRule { Names = [.. Words(AllowedAlways), .. Words(AllowedTo32Bit)], Action = Allow },
            .. s_allowedWith.Where(a => capabilities.Contains(a.Capability)).Select(a => new SeccompRule { Names = Words(a.Names), Action = Allow }),
            .. capabilities.Contains("CAP_SYS_ADMIN") ? [] : NoNewNamespaces(),
            // Address families 38 (AF_ALG) and 40 (AF_VSOCK) lead around the container's network.
            When("socket", 0, "SCMP_CMP_LT", 38), When("socket", 0, "SCMP_CMP_EQ", 39), When("socket", 0, "SCMP_CMP_GT", 40),
            // PER_LINUX, PER_LINUX32, each with UNAME26, and the query.
            .. new ulong[] { 0, 8, 0x20000, 0x20008, 0xFFFFFFFF }.Select(p => When("personality", 0, "SCMP_CMP_EQ", p)),
        ],
    };

    // A filter cannot look into clone3's struct: ENOSYS makes C libraries use clone.
    private static SeccompRule[] NoNewNamespaces() =>
    [
        When("clone", 0, "SCMP_CMP_MASKED_EQ", NamespaceFlags),
        new SeccompRule { Names = ["clone3"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 38 },
    ];

    private static SeccompRule When(string name, uint index, string op, ulong value) =>
        new() { Names = [name], Action = Allow, Args = [new SeccompArgument { Index = index, Op = op, Value = value }] };

    private static string[] Words(string names) => names.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
