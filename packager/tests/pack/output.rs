//! What the run tells.

use crate::{
    clips,
    packager::{pack, packager, refused, succeeded},
};

fn lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    String::from_utf8_lossy(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_progress_ends_with_the_file_id_and_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "640x360", 4);
    let out = folder.path().join("out");
    let arguments = ["--out", out.to_str().unwrap(), "--mode", "clear", "--progress", "json"];
    let output = packager(&[&[clip.to_str().unwrap()], &arguments[..]].concat()).output().unwrap();
    succeeded(&output);
    let events = lines(&output.stdout);
    assert_eq!(events[0]["event"], "started");
    let percents: Vec<_> = events.iter().filter_map(|event| event["percent"].as_f64()).collect();
    assert!(!percents.is_empty() && percents.is_sorted() && percents.iter().all(|percent| *percent <= 100.0));
    let last = events.last().unwrap();
    let file_id = last["fileId"].as_str().unwrap();
    assert_eq!(last["event"], "done");
    assert!(file_id.len() == 24 && file_id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{file_id}");
    assert_eq!(last["out"], out.canonicalize().unwrap().join(file_id).to_str().unwrap());
    assert!(out.join(file_id).join("master.m3u8").exists());
}

#[test]
fn json_progress_ends_with_the_error_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let output = pack(&folder.path().join("absent"), &out, &["--mode", "clear", "--progress", "json"]);
    refused(&output, "input_not_found", &out);
    let last = lines(&output.stdout).pop().unwrap();
    assert_eq!((last["event"].as_str(), last["code"].as_str()), (Some("error"), Some("input_not_found")));
}

#[test]
fn plain_progress_has_percent_speed_and_time_left() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "640x360", 4);
    let output = pack(&clip, &folder.path().join("out"), &["--mode", "clear"]);
    succeeded(&output);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.lines().any(|line| line.contains(" %, speed ") && line.ends_with(" left")), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.starts_with("packed t in ") && stdout.lines().count() == 1, "{stdout}");
}

#[test]
fn help_has_examples() {
    let output = packager(&["--help"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Examples:") && text.contains("--api-key") && !text.contains("/work"), "{text}");
}
