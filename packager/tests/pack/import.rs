//! Titles of another vendor's HLS standard encryption, as ffmpeg encrypts them: brought in as they are, or refused.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use base64ct::{Base64, Encoding};
use serde_json::json;

use crate::{
    clips,
    key_server::{Faults, KeyServer},
    packager::{entries, playlist, refused, succeeded},
};

const KEY: [u8; 16] = [0x5a; 16];
/// Characters that an address has to encode.
const TEXT: &str = "Zm9v+YmFy/00==";

struct Vendor {
    folder: tempfile::TempDir,
    playlist: PathBuf,
    keys: PathBuf,
}

/// TS segments and a playlist as the vendor's workflow makes them; without an explicit IV, as some are.
fn vendor(iv: Option<&str>) -> Vendor {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 4);
    let old = folder.path().join("old");
    fs::create_dir(&old).unwrap();
    fs::write(old.join("key"), KEY).unwrap();
    let address = "https://decrypt.example.com/?Ciphertext=Zm9v%2BYmFy%2F00%3D%3D&MediaId=media-1";
    let lines = [address, old.join("key").to_str().unwrap(), iv.unwrap_or_default()].join("\n");
    fs::write(old.join("key.info"), lines).unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(&clip).args(["-c", "copy", "-hls_time", "1", "-hls_playlist_type", "vod"]);
    ffmpeg.arg("-hls_key_info_file").arg(old.join("key.info")).arg("-hls_segment_filename").arg(old.join("part%d.ts"));
    let playlist = old.join("film.m3u8");
    assert!(ffmpeg.arg(&playlist).stdin(Stdio::null()).status().unwrap().success());
    let keys = old.join("keys.json");
    fs::write(&keys, json!({ TEXT: Base64::encode_string(&KEY) }).to_string()).unwrap();
    Vendor { folder, playlist, keys }
}

fn import(vendor: &Vendor, server: &KeyServer) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packager"));
    command.arg("import").arg(&vendor.playlist).arg("--keys").arg(&vendor.keys);
    command.args(["--name", "A film", "--file-id", "t", "--out"]).arg(out(vendor));
    command.args(["--server", &server.url, "--api-key", &server.api_key]);
    command.env_remove("KEYVEIL_SERVER").env_remove("KEYVEIL_API_KEY").stdin(Stdio::null()).output().unwrap()
}

fn out(vendor: &Vendor) -> PathBuf {
    vendor.folder.path().join("out")
}

/// Video frames that ffmpeg decodes from a playlist whose key address is replaced by a file.
fn decoded(title: &Path, folder: &str, key: [u8; 16]) -> usize {
    let text = playlist(title, folder);
    let address = "keyveil:?Ciphertext=Zm9v%2BYmFy%2F00%3D%3D&MediaId=media-1";
    assert!(text.contains(address), "{text}");
    fs::write(title.join(folder).join("local.key"), key).unwrap();
    let local = title.join(folder).join("local.m3u8");
    fs::write(&local, text.replace(address, "local.key")).unwrap();
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "fatal", "-allowed_extensions", "ALL", "-protocol_whitelist", "file,crypto", "-count_frames"]);
    ffprobe.args(["-select_streams", "v", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]).arg(&local);
    let output = String::from_utf8(ffprobe.output().unwrap().stdout).unwrap();
    output.split_whitespace().next().and_then(|count| count.trim_matches(',').parse().ok()).unwrap_or(0)
}

#[test]
fn vendor_title_is_taken_over_byte_for_byte_with_its_keys() {
    for iv in [None, Some("000102030405060708090a0b0c0d0e0f")] {
        let vendor = vendor(iv);
        let server = KeyServer::start(Faults::default());
        succeeded(&import(&vendor, &server));
        let title = out(&vendor).join("t");
        assert_eq!(decoded(&title, "v0", KEY), 100, "IV {iv:?}");
        assert_ne!(decoded(&title, "v0", [0; 16]), 100, "a wrong key shows nothing");
        for name in entries(&title.join("v0")).iter().filter(|name| name.starts_with("seg-")) {
            let number: u32 = name[4..9].parse().unwrap();
            let before = fs::read(vendor.playlist.with_file_name(format!("part{number}.ts"))).unwrap();
            assert!(fs::read(title.join("v0").join(name)).unwrap() == before, "{name}");
        }
        assert_eq!(server.seen(|seen| seen.requests.clone()), ["put", "keys", "import", "publish"]);
        let imported = server.seen(|seen| seen.imported.clone().unwrap());
        assert_eq!(
            imported,
            json!({ "mediaId": "media-1", "keys": [{ "ciphertext": TEXT, "key": "WlpaWlpaWlpaWlpaWlpaWg" }] })
        );
        let media = server.seen(|seen| seen.published["t"].clone());
        assert_eq!((media.segment_count, media.renditions.len()), (4, 1));
    }
}

#[test]
fn what_can_not_be_taken_over_is_refused_before_anything_is_written() {
    let refuse = |spoil: &dyn Fn(&Vendor), wanted: &str| {
        let vendor = vendor(None);
        let server = KeyServer::start(Faults::default());
        spoil(&vendor);
        let told = refused(&import(&vendor, &server), "import_invalid", &out(&vendor));
        assert!(told.contains(wanted), "{told}");
        assert_eq!(server.seen(|seen| seen.requests.clone()), Vec::<String>::new());
    };
    let edit = |vendor: &Vendor, from: &str, to: &str| {
        let text = fs::read_to_string(&vendor.playlist).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&vendor.playlist, text.replace(from, to)).unwrap();
    };
    refuse(&|vendor| fs::write(&vendor.keys, "{}").unwrap(), "no key for Ciphertext");
    refuse(
        &|vendor| fs::write(&vendor.keys, json!({ TEXT: "AAAAAAAAAAAAAAAAAAAAAA==" }).to_string()).unwrap(),
        "does not open",
    );
    refuse(&|vendor| fs::write(&vendor.keys, json!({ TEXT: "AAAA" }).to_string()).unwrap(), "16 bytes");
    refuse(&|vendor| fs::write(&vendor.keys, "no").unwrap(), "JSON");
    refuse(&|vendor| edit(vendor, "METHOD=AES-128", "METHOD=SAMPLE-AES"), "METHOD");
    refuse(&|vendor| edit(vendor, "&MediaId=media-1", ""), "--media-id");
    refuse(&|vendor| edit(vendor, "Ciphertext=", "Other="), "no Ciphertext");
    refuse(&|vendor| edit(vendor, "part1.ts", "../part1.ts"), "beside its playlist");
    refuse(&|vendor| edit(vendor, "#EXT-X-ENDLIST", ""), "no end");
    refuse(&|vendor| edit(vendor, "#EXT-X-KEY", "#EXT-X-MAP:URI=\"keys.json\"\n#EXT-X-KEY"), "init segment");
    let clear_key_file = |vendor: &Vendor| {
        edit(vendor, "#EXT-X-ENDLIST", "#EXT-X-KEY:METHOD=NONE\n#EXTINF:1.0,\nkeys.json\n#EXT-X-ENDLIST");
    };
    refuse(&clear_key_file, "no media segment");
    let link = |vendor: &Vendor| {
        fs::write(vendor.folder.path().join("secret.ts"), "G").unwrap();
        fs::remove_file(vendor.playlist.with_file_name("part1.ts")).unwrap();
        std::os::unix::fs::symlink("../secret.ts", vendor.playlist.with_file_name("part1.ts")).unwrap();
    };
    refuse(&link, "beside its playlist");
}
