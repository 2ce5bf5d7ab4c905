//! Runs the binary and reads what it wrote.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::key_server::KeyServer;

/// The binary with the given arguments; nothing of this process' environment steers it.
pub(crate) fn packager(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packager"));
    command.arg("pack").args(arguments).env_remove("KEYVEIL_SERVER").env_remove("KEYVEIL_API_KEY");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Packs `input` as title `t`, quickly, and gives the outcome.
pub(crate) fn pack(input: &Path, out: &Path, more: &[&str]) -> Output {
    let (input, out) = (input.to_str().unwrap(), out.to_str().unwrap());
    let usual = [input, "--out", out, "--file-id", "t", "--preset", "ultrafast", "--segment-secs", "1"];
    packager(&[&usual, more].concat()).output().unwrap()
}

/// As [`pack`], in clear mode, and it must succeed. Gives the title's folder.
pub(crate) fn pack_clear(input: &Path, out: &Path, more: &[&str]) -> PathBuf {
    succeeded(&pack(input, out, &[&["--mode", "clear"], more].concat()));
    out.join("t")
}

/// As [`pack`], in private mode, and it must succeed. Gives the title's folder.
pub(crate) fn pack_private(input: &Path, out: &Path, server: &KeyServer, more: &[&str]) -> PathBuf {
    succeeded(&pack(input, out, &[&["--server", &server.url, "--api-key", &server.api_key], more].concat()));
    out.join("t")
}

pub(crate) fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The run failed with this code and left nothing in `out`, finished or hidden.
pub(crate) fn refused(output: &Output, code: &str, out: &Path) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it should have failed with {code}");
    assert!(stderr.lines().any(|line| line.starts_with(&format!("error[{code}]: "))), "wanted {code}: {stderr}");
    assert_eq!(entries(out), Vec::<String>::new(), "{code} left something");
    stderr
}

/// Names in a folder, hidden ones too; none when it does not exist.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The media playlist of a rendition.
pub(crate) fn playlist(title: &Path, folder: &str) -> String {
    fs::read_to_string(title.join(folder).join("playlist.m3u8")).unwrap()
}

/// Durations of a rendition's segments, by another library's reading of its playlist.
pub(crate) fn durations(title: &Path, folder: &str) -> Vec<f32> {
    let text = playlist(title, folder);
    let (_, playlist) = m3u8_rs::parse_media_playlist(text.as_bytes()).unwrap();
    playlist.segments.iter().map(|segment| segment.duration).collect()
}

/// The master playlist, by another library's reading.
pub(crate) fn master(title: &Path) -> m3u8_rs::MasterPlaylist {
    let text = fs::read(title.join("master.m3u8")).unwrap();
    m3u8_rs::parse_master_playlist(&text).unwrap().1
}

/// All segments of a clear rendition behind its init segment, as one file that ffprobe reads.
pub(crate) fn joined(title: &Path, folder: &str) -> PathBuf {
    let rendition = title.join(folder);
    let mut names = entries(&rendition);
    names.retain(|name| name != "playlist.m3u8" && !name.starts_with("joined"));
    let bytes: Vec<u8> = names.iter().flat_map(|name| fs::read(rendition.join(name)).unwrap()).collect();
    let joined = title.parent().unwrap().parent().unwrap().join(format!("joined-{folder}.bin"));
    fs::write(&joined, bytes).unwrap();
    joined
}
