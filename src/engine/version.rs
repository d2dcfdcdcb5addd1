//! Versions of engines, as image tags and package versions spell them.

use crate::value::{Ids, Str};
use std::fmt;

/// How far a release is from the final one of its number, in the order of PEP 440.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Dev(u32),
    Alpha(u32),
    Beta(u32),
    Candidate(u32),
    Final,
    Post(u32),
}

/// A release number that can be compared: `0.5.9`, `0.4.9.post6`, `1.2.1rc3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Release {
    numbers: [u32; 3],
    stage: Stage,
}

impl Release {
    /// Reads a version: an optional `v`, two or three numbers, an optional stage (`rc3`, `.post6`, `a1`, `b2`, `.dev4`),
    /// then anything that names a build (`-cu129`, `+cu128`, `-runtime`, `@sha256:…`). `None` for what is no version, such as
    /// `latest`, `nightly` or a date.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split('@').next()?.trim();
        let mut rest = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut numbers = [0; 3];
        let mut count = 0;
        while let Some((number, after)) = leading_number(rest) {
            if count < 3 {
                numbers[count] = number;
            }
            count += 1;
            rest = after;
            match rest.strip_prefix('.') {
                Some(more) if more.starts_with(|c: char| c.is_ascii_digit()) => rest = more,
                _ => break,
            }
        }
        if count < 2 || numbers[0] > 1000 {
            return None;
        }
        Some(Self {
            numbers,
            stage: stage(rest)?,
        })
    }
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

type MakeStage = fn(u32) -> Stage;

/// The stage that `rest` of a version names; `None` if it is no rest of a version.
fn stage(rest: &str) -> Option<Stage> {
    if rest.is_empty() || rest.starts_with('+') {
        return Some(Stage::Final);
    }
    let (separated, word) = match rest.strip_prefix(['.', '-', '_']) {
        Some(word) => (true, word),
        None => (false, rest),
    };
    let makers: [(&str, MakeStage); 7] = [
        ("rc", Stage::Candidate),
        ("post", Stage::Post),
        ("dev", Stage::Dev),
        ("alpha", Stage::Alpha),
        ("beta", Stage::Beta),
        ("a", Stage::Alpha),
        ("b", Stage::Beta),
    ];
    for (name, make) in makers {
        if let Some(after) = word.strip_prefix(name) {
            let digits = after.strip_prefix('.').unwrap_or(after);
            if let Some((number, _)) = leading_number(digits) {
                return Some(make(number));
            }
        }
    }
    separated.then_some(Stage::Final)
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        match self.stage {
            Stage::Dev(n) => write!(f, ".dev{n}"),
            Stage::Alpha(n) => write!(f, "a{n}"),
            Stage::Beta(n) => write!(f, "b{n}"),
            Stage::Candidate(n) => write!(f, "rc{n}"),
            Stage::Final => Ok(()),
            Stage::Post(n) => write!(f, ".post{n}"),
        }
    }
}

/// The version of a program, known or not. An unknown one is treated as the newest that the tables know, and no flag is
/// called missing from it.
#[derive(Clone, Default, Debug)]
pub struct Version {
    /// The release, if it is known.
    pub release: Option<Release>,
    /// What it was read from, for messages; empty when nothing was given.
    pub text: Str,
    /// The input nodes that it was read from.
    pub ids: Ids,
}

/// Image names that carry the engine's own version as their tag. The last element of the repository counts; an element
/// with a slash wants the one before it, too.
const VERSIONED_IMAGES: [&str; 12] = [
    "vllm-openai",
    "vllm-openai-rocm",
    "vllm-openai-xpu",
    "vllm-openai-cpu",
    "vllm-cpu-release-repo",
    "vllm",
    "sglang",
    "sglang-router",
    "sgl-model-gateway",
    "tensorrt-llm/release",
    "tensorrt-llm",
    "vllm-router",
];

/// The tag of an image whose repository ends in one of `names`.
fn tag_of<'a>(image: &'a str, names: &[&str]) -> Option<&'a str> {
    let reference = image.split('@').next()?;
    let slash = reference.rfind('/').map_or(0, |at| at + 1);
    let colon = slash + reference[slash..].rfind(':')?;
    let ends = |name: &&str| {
        reference[..colon]
            .strip_suffix(*name)
            .is_some_and(|b| b.is_empty() || b.ends_with('/'))
    };
    names.iter().any(ends).then_some(&reference[colon + 1..])
}

impl Version {
    /// A version that nobody named.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The version that `text` names outright, as in `engine.version`.
    pub fn of_text(text: &str, ids: &Ids) -> Self {
        Self {
            release: Release::parse(text),
            text: text.into(),
            ids: ids.clone(),
        }
    }

    /// The version that an image reference tells: its tag, if the image is one that is published under its engine's
    /// version (in whatever registry). The tag of any other image says nothing about the engine inside.
    pub fn of_image(image: &str, ids: &Ids) -> Self {
        let release = tag_of(image, &VERSIONED_IMAGES).and_then(Release::parse);
        Self {
            release,
            text: image.into(),
            ids: ids.clone(),
        }
    }

    /// The version of Dynamo that the image of one of its runtimes tells. The engine inside has a version of its own.
    pub fn of_dynamo_image(image: &str, ids: &Ids) -> Self {
        const RUNTIMES: [&str; 4] = [
            "vllm-runtime",
            "sglang-runtime",
            "tensorrtllm-runtime",
            "dynamo-frontend",
        ];
        Self {
            release: tag_of(image, &RUNTIMES).and_then(Release::parse),
            text: image.into(),
            ids: ids.clone(),
        }
    }

    /// Whether the version is `release` or later. An unknown version is.
    pub fn at_least(&self, release: &str) -> bool {
        match (self.release, Release::parse(release)) {
            (Some(own), Some(other)) => own >= other,
            _ => true,
        }
    }

    /// Whether the version is known to be older than `release`.
    pub fn before(&self, release: &str) -> bool {
        !self.at_least(release)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.release {
            Some(release) => release.fmt(f),
            None => f.write_str("of unknown version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_spellings_of_tags() {
        let shown = |text: &str| Release::parse(text).map(|r| r.to_string()).unwrap_or_default();
        assert_eq!(shown("v0.33.0"), "0.33.0");
        assert_eq!(shown("0.5.23-cu129"), "0.5.23");
        assert_eq!(shown("v0.5.10.post1-cu130-amd64-runtime"), "0.5.10.post1");
        assert_eq!(shown("0.4.9.post6"), "0.4.9.post6");
        assert_eq!(shown("1.2.1rc3"), "1.2.1rc3");
        assert_eq!(shown("1.2.1-rc.3"), "1.2.1rc3");
        assert_eq!(shown("0.11.2+cu128"), "0.11.2");
        assert_eq!(shown("v0.33.0@sha256:0011"), "0.33.0");
        assert_eq!(shown("0.9"), "0.9.0");
        assert_eq!(shown("v0.11.0-x86_64"), "0.11.0");
        for none in [
            "latest",
            "nightly-20260809-d2ba586",
            "",
            "main",
            "v1",
            "2026-01-02",
            "2026.01.02",
            "7f3c1.2x",
            "99999999999.1",
        ] {
            assert_eq!(Release::parse(none), None, "{none}");
        }
    }

    #[test]
    fn orders_stages() {
        let order = [
            "0.9.2",
            "0.10.2.dev1",
            "0.10.2a1",
            "0.10.2b1",
            "0.10.2rc1",
            "0.10.2rc2",
            "0.10.2",
            "0.10.2.post1",
            "0.10.3rc1",
        ];
        for pair in order.windows(2) {
            assert!(Release::parse(pair[0]) < Release::parse(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn only_engine_images_tell_a_version() {
        let of = |image: &str| {
            Version::of_image(image, &Ids::none())
                .release
                .map(|r| r.to_string())
        };
        assert_eq!(of("vllm/vllm-openai:v0.33.0").as_deref(), Some("0.33.0"));
        assert_eq!(
            of("registry.corp:5000/mirror/vllm-openai:v0.24.0@sha256:ab").as_deref(),
            Some("0.24.0")
        );
        assert_eq!(of("lmsysorg/sglang:v0.5.9-cu124").as_deref(), Some("0.5.9"));
        assert_eq!(
            of("nvcr.io/nvidia/tensorrt-llm/release:1.2.1rc3").as_deref(),
            Some("1.2.1rc3")
        );
        for none in [
            "vllm/vllm-openai",
            "vllm/vllm-openai@sha256:ab",
            "vllm/vllm-openai:latest",
            "ghcr.io/llm-d/llm-d-cuda:v0.5.0",
            "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.6.1",
            "registry.corp:5000/llm",
            "",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn unknown_is_newest() {
        assert!(Version::unknown().at_least("9.9"));
        assert!(!Version::unknown().before("9.9"));
        assert!(Version::of_text("0.10.2", &Ids::none()).before("0.11.2"));
    }
}
