//! Small clips, made by ffmpeg.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Runs ffmpeg and gives the path of what it made.
pub(crate) fn ffmpeg(arguments: &str, output: &Path) -> PathBuf {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments.split_whitespace())
        .arg(output)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg {arguments}");
    output.to_owned()
}

/// A picture with sound: H.264 with a keyframe each second, and AAC.
pub(crate) fn mp4(folder: &Path, size: &str, secs: u32) -> PathBuf {
    let arguments = format!(
        "-f lavfi -i testsrc2=s={size}:r=25 -f lavfi -i sine=f=440:r=48000 -t {secs} \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac -b:a 64k"
    );
    ffmpeg(&arguments, &folder.join("clip.mp4"))
}

/// One entry of one stream or of the format, as ffprobe prints it.
pub(crate) fn probe(file: &Path, streams: &str, entry: &str) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", streams, "-show_entries", entry, "-of", "csv=p=0"])
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Hash of each frame as decoded.
pub(crate) fn frames(file: &Path, streams: &str) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-map", &format!("0:{streams}"), "-f", "framemd5", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let frames = text.lines().filter(|line| !line.starts_with('#'));
    frames.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}
