//! One process at a time uses a data directory.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::OpenError;

/// The directory is ours until this is dropped, or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Makes the directory when it is missing, readable for nobody else, and takes it.
pub fn take(directory: &Path) -> Result<Lock, OpenError> {
    let failed = |source| OpenError::Directory { path: directory.to_owned(), source };
    make(directory).map_err(failed)?;
    let path = directory.join("lock");
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message.
            let _ = (&mut file).take(20).read_to_string(&mut holder);
            let holder =
                holder.trim().parse::<u32>().map(|id| format!(" (process {id})")).unwrap_or_default();
            return Err(OpenError::Locked { path: directory.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    write_holder(&mut file).map_err(failed)?;
    Ok(Lock { _file: file })
}

fn make(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}
