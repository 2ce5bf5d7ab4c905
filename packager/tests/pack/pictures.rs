//! Cover and sprites.

use std::{fs, path::Path};

use crate::{
    clips::{self, ffmpeg, probe},
    packager::{entries, pack, pack_clear, refused, succeeded},
};

fn jpeg_size(file: &Path) -> String {
    assert!(fs::read(file).unwrap().starts_with(&[0xff, 0xd8, 0xff]), "{}", file.display());
    assert_eq!(probe(file, "v", "stream=codec_name"), ["mjpeg"]);
    probe(file, "v", "stream=width,height").remove(0)
}

/// Mean colour of a picture, or of a part of it.
fn colour(file: &Path, crop: &str) -> [u8; 3] {
    let raw = file.with_extension("rgb");
    let arguments = format!("-i {} -vf {crop}scale=1:1:flags=area -f rawvideo -pix_fmt rgb24", file.display());
    let bytes = fs::read(ffmpeg(&arguments, &raw)).unwrap();
    fs::remove_file(raw).unwrap();
    bytes.try_into().unwrap()
}

/// A second each of red, green and blue, in these proportions.
fn colours(folder: &Path, size: &str) -> std::path::PathBuf {
    let part = |colour: &str| format!("color=c={colour}:s={size}:r=25:d=1");
    let graph = format!("{}[a];{}[b];{}[c];[a][b][c]concat=n=3", part("red"), part("lime"), part("blue"));
    ffmpeg(&format!("-f lavfi -i {graph} -c:v libx264 -pix_fmt yuv420p -g 25"), &folder.join("colours.mp4"))
}

#[test]
fn cover_is_the_frame_at_the_time_and_sprites_cover_the_whole_title() {
    let folder = tempfile::tempdir().unwrap();
    let clip = colours(folder.path(), "1920x1080");
    for ladder in ["360p", "copy"] {
        let more = ["--cover=1.5", "--sprites=1", "--sprite-size=40x40", "--ladder", ladder];
        let title = pack_clear(&clip, &folder.path().join(ladder), &more);
        assert_eq!(entries(&title.join("sprites")), ["sprite-00000.jpg", "sprites.vtt"]);
        assert_eq!(jpeg_size(&title.join("cover.jpg")), "1280,720");
        let [red, green, blue] = colour(&title.join("cover.jpg"), "");
        assert!(green > 200 && red < 50 && blue < 50, "{red} {green} {blue}");
        let sheet = title.join("sprites/sprite-00000.jpg");
        assert_eq!(jpeg_size(&sheet), "400,400");
        let vtt = fs::read_to_string(title.join("sprites/sprites.vtt")).unwrap();
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsprite-00000.jpg#xywh=0,0,40,40\n\n\
                        00:00:01.000 --> 00:00:02.000\nsprite-00000.jpg#xywh=40,0,40,40\n\n\
                        00:00:02.000 --> 00:00:03.000\nsprite-00000.jpg#xywh=80,0,40,40\n";
        assert_eq!(vtt, expected);
        // Each shows its second, between black bars.
        for (place, brightest) in (0..3).zip(0..) {
            let mean = colour(&sheet, &format!("crop=36:16:{}:12,", place * 40 + 2));
            let is_brightest = (0..3).all(|other| (mean[other] > 150) == (other == brightest));
            assert!(is_brightest, "{ladder}: thumbnail {place} is {mean:?}");
            let bar = colour(&sheet, &format!("crop=36:6:{}:0,", place * 40 + 2));
            assert!(bar.iter().all(|value| *value < 60), "{bar:?}");
        }
    }
}

#[test]
fn cover_beyond_the_end_is_the_last_frame_and_without_a_time_a_typical_one() {
    let folder = tempfile::tempdir().unwrap();
    let clip = colours(folder.path(), "320x180");
    let title = pack_clear(&clip, &folder.path().join("late"), &["--cover=99"]);
    assert_eq!(jpeg_size(&title.join("cover.jpg")), "320,180");
    assert!(colour(&title.join("cover.jpg"), "")[2] > 200);
    let title = pack_clear(&clip, &folder.path().join("best"), &["--cover"]);
    assert_eq!(jpeg_size(&title.join("cover.jpg")), "320,180");
    assert_eq!(entries(&title), ["cover.jpg", "master.m3u8", "v180p"]);
}

#[test]
fn short_clip_has_pictures_too() {
    let folder = tempfile::tempdir().unwrap();
    let clip = ffmpeg(
        "-f lavfi -i testsrc2=s=320x180:r=25 -frames:v 3 -c:v libx264 -pix_fmt yuv420p",
        &folder.path().join("short.mp4"),
    );
    for (number, cover) in ["--cover", "--cover=0"].into_iter().enumerate() {
        let title = pack_clear(&clip, &folder.path().join(number.to_string()), &[cover, "--sprites"]);
        assert_eq!(jpeg_size(&title.join("cover.jpg")), "320,180");
        assert_eq!(jpeg_size(&title.join("sprites/sprite-00000.jpg")), "1420,800");
    }
}

#[test]
fn pictures_are_made_only_when_asked_for_and_nonsense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let title = pack_clear(&clip, &folder.path().join("none"), &[]);
    assert_eq!(entries(&title), ["a0", "master.m3u8", "v180p"]);
    let out = folder.path().join("out");
    let output = pack(&clip, &out, &["--mode", "clear", "--sprites", "--sprite-size", "9x9"]);
    refused(&output, "option_invalid", &out);
    succeeded(&pack(&clip, &out, &["--mode", "clear", "--sprites", "--sprite-size", "16x16"]));
}
