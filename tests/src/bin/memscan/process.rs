//! The memory of another process, as Linux shows it to who may debug it.

use std::fs::{File, read_to_string};
use std::io;
use std::os::unix::fs::FileExt;

/// Read at a time.
const CHUNK_PAGES: usize = 1024;
/// Of a page's entry in /proc/PID/pagemap: it is in memory, or was and is swapped out.
const IN_USE: u64 = 0b11 << 62;
/// The entry of the auxiliary vector that has the length of a page.
const AT_PAGESZ: u64 = 6;

/// A mapping that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) start: u64,
    end: u64,
    /// Seen by other processes too, which may have filled pages that this one has not looked at.
    is_shared: bool,
    /// As /proc names it, `anonymous` where it has no name.
    pub(crate) name: String,
}

/// What was read of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Read {
    pub(crate) regions: u64,
    pub(crate) bytes: u64,
    /// Of mappings that went while they were read, or that the system lets nobody read.
    pub(crate) unread: u64,
}

/// A part of a region: look for what begins within the first `starts` bytes; what follows is there to end it.
pub(crate) struct Chunk<'a> {
    pub(crate) region: &'a Region,
    pub(crate) address: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) starts: usize,
}

/// Reads all that `pid` has in memory of its own or shares. Files that it only reads (its program, fonts) are left out, and pages
/// that it never touched: a browser reserves hundreds of times what it uses.
///
/// # Errors
/// When the process is gone, or this one may not debug it.
pub(crate) fn read(pid: u32, overlap: usize, mut visit: impl FnMut(&Chunk<'_>)) -> io::Result<Read> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let pagemap = File::open(format!("/proc/{pid}/pagemap"))?;
    let maps = read_to_string(format!("/proc/{pid}/maps"))?;
    let page_len = page_len()?;
    let mut total = Read::default();
    let mut buffer = vec![0; CHUNK_PAGES * page_len + overlap];
    for region in maps.lines().filter_map(parse) {
        total.regions += 1;
        for (address, len) in runs(&pagemap, &region, page_len)? {
            let read = read_some(&memory, address, &mut buffer[..len + overlap]);
            let starts = len.min(read);
            total.bytes += as_u64(starts);
            total.unread += as_u64(len - starts);
            visit(&Chunk { region: &region, address, bytes: &buffer[..read], starts });
        }
    }
    Ok(total)
}

/// Where pages in use begin, and how many bytes of them stand in a row there, a chunk at most.
fn runs(pagemap: &File, region: &Region, page_len: usize) -> io::Result<Vec<(u64, usize)>> {
    let pages = usize::try_from((region.end - region.start) / as_u64(page_len)).map_err(io::Error::other)?;
    let first = region.start / as_u64(page_len);
    let mut runs: Vec<(u64, usize)> = Vec::new();
    let mut entries = vec![0; 8 * CHUNK_PAGES];
    for begin in (0..pages).step_by(CHUNK_PAGES) {
        let entries = &mut entries[..8 * CHUNK_PAGES.min(pages - begin)];
        let is_known = pagemap.read_exact_at(entries, 8 * (first + as_u64(begin))).is_ok();
        let mut follows = false;
        for (page, entry) in entries.as_chunks::<8>().0.iter().enumerate() {
            let in_use = region.is_shared || !is_known || u64::from_ne_bytes(*entry) & IN_USE != 0;
            match runs.last_mut() {
                Some((_, len)) if in_use && follows => *len += page_len,
                _ if in_use => runs.push((region.start + as_u64((begin + page) * page_len), page_len)),
                _ => {}
            }
            follows = in_use;
        }
    }
    Ok(runs)
}

/// Reads as far as there is something to read.
fn read_some(memory: &File, address: u64, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match memory.read_at(&mut buffer[filled..], address + as_u64(filled)) {
            Ok(read) if read > 0 => filled += read,
            _ => break,
        }
    }
    filled
}

fn page_len() -> io::Result<usize> {
    let vector = std::fs::read("/proc/self/auxv")?;
    let mut entries = vector.as_chunks::<8>().0.iter().map(|entry| u64::from_ne_bytes(*entry));
    while let (Some(kind), Some(value)) = (entries.next(), entries.next()) {
        if kind == AT_PAGESZ {
            return usize::try_from(value).map_err(io::Error::other);
        }
    }
    Err(io::Error::other("the length of a page is not known"))
}

fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// A line of /proc/PID/maps: `start-end rwxp offset device inode name`.
fn parse(line: &str) -> Option<Region> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let rights = fields.next()?;
    let name = fields.skip(3).collect::<Vec<_>>().join(" ");
    let hex = |text| u64::from_str_radix(text, 16).ok();
    // Of files, only what the process may have changed; [vvar] is the kernel's.
    let is_file = name.starts_with('/') && !name.starts_with("/memfd:") && !name.starts_with("/dev/shm/");
    if !rights.starts_with('r') || (is_file && !rights.starts_with("rw")) || name.starts_with("[v") {
        return None;
    }
    let name = if name.is_empty() { "anonymous".to_owned() } else { name };
    Some(Region { start: hex(start)?, end: hex(end)?, is_shared: rights.ends_with('s'), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_data_is_read_and_what_is_only_a_program_is_not() {
        let named = |line| parse(line).map(|region| region.name);
        assert_eq!(named("7f00-7f10 rw-p 00000000 00:00 0"), Some("anonymous".to_owned()));
        assert_eq!(named("7f00-7f10 r--p 00000000 00:00 0 [anon:v8]"), Some("[anon:v8]".to_owned()));
        assert_eq!(
            named("7f00-7f10 rw-s 0 00:01 9 /memfd:shared (deleted)"),
            Some("/memfd:shared (deleted)".to_owned())
        );
        assert_eq!(named("7f00-7f10 rw-p 0 08:01 9 /usr/bin/chromium"), Some("/usr/bin/chromium".to_owned()));
        assert_eq!(named("7f00-7f10 r-xp 0 08:01 9 /usr/bin/chromium"), None);
        assert_eq!(named("7f00-7f10 ---p 00000000 00:00 0"), None);
        assert_eq!(named("7f00-7f10 r--p 00000000 00:00 0 [vvar]"), None);
        assert_eq!(named("what is no line"), None);
    }

    #[test]
    fn pages_that_nobody_touched_are_left_out_and_no_other_is() {
        let page_len = page_len().unwrap();
        let mut reserved: Vec<u8> = vec![0; 4096 * page_len];
        let touched = [7, 8, 2000, 4000];
        for page in touched {
            reserved[page * page_len] = 1;
        }
        let start = as_u64(reserved.as_ptr().addr()).next_multiple_of(as_u64(page_len));
        let end = start + as_u64(4095 * page_len);
        let region = Region { start, end, is_shared: false, name: String::new() };
        let pagemap = File::open("/proc/self/pagemap").unwrap();
        let runs = runs(&pagemap, &region, page_len).unwrap();
        for page in touched {
            let place = as_u64(reserved.as_ptr().addr() + page * page_len);
            assert!(runs.iter().any(|(address, len)| (*address..address + as_u64(*len)).contains(&place)), "{page}");
        }
        // A system with huge pages takes 2 MiB at a touch.
        let in_use: usize = runs.iter().map(|(_, len)| len).sum();
        assert!(in_use < 2048 * page_len, "{in_use}");
        let whole = Region { is_shared: true, ..region };
        assert_eq!(
            super::runs(&pagemap, &whole, page_len).unwrap().iter().map(|(_, len)| len).sum::<usize>(),
            4095 * page_len
        );
    }

    #[test]
    fn this_very_process_can_be_read() {
        let planted: Vec<u8> = (0..64).map(|at| at ^ 0x5A).collect();
        let place = as_u64(planted.as_ptr().addr());
        let mut seen = false;
        let read = read(std::process::id(), 64, |chunk| {
            let at = place.wrapping_sub(chunk.address);
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            seen |= at < chunk.starts && chunk.bytes[at..].starts_with(&planted);
        });
        assert!(seen && read.unwrap().bytes > 0);
    }
}
