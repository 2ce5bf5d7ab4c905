//! A core dump would hold every secret in memory.

/// Has the system write none of this process, nor let other processes of its user look into it (Linux). What it starts may write
/// none either, where dumps are files. An error is the system's refusal.
pub(crate) fn forbid() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // The limit does not count where dumps go to a program.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
