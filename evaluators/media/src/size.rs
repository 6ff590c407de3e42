//! `image_dimensions` and `video_resolution`.

use arena_guest::prelude::*;

use crate::parts::{self, Kind, Media};

/// Presets by height in pixels, as PromptArena knows them.
const PRESETS: [(f64, &[&str]); 6] = [
    (480.0, &["480p", "sd"]),
    (720.0, &["720p", "hd"]),
    (1080.0, &["1080p", "fhd", "full_hd"]),
    (1440.0, &["1440p", "2k", "qhd"]),
    (2160.0, &["2160p", "4k", "uhd"]),
    (4320.0, &["4320p", "8k"]),
];

/// Longest preset that an error shows, in characters.
const SHOWN: usize = 40;

/// Limits on one side of a picture, in pixels.
struct Side {
    name: &'static str,
    exact: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
}

impl Side {
    fn is_free(&self) -> bool {
        self.exact.is_none() && self.min.is_none() && self.max.is_none()
    }

    /// Whether some length is within all limits.
    fn check(&self) -> Result<(), String> {
        let (name, least, most) = (self.name, self.exact.or(self.min), self.exact.or(self.max));
        let outside = |limit: Option<u32>, than: fn(&u32, &u32) -> bool| {
            least.into_iter().chain(most).any(|length| limit.is_some_and(|limit| than(&length, &limit)))
        };
        if outside(self.min, u32::lt) || outside(self.max, u32::gt) {
            return Err(format!("the limits on the {name} contradict each other: no {name} is within all of them"));
        }
        Ok(())
    }

    /// Adds what is wrong with this side.
    fn judge(&self, media: &Media, faults: &mut Vec<String>) -> Result<(), CheckError> {
        if self.is_free() {
            return Ok(());
        }
        let name = self.name;
        let length = media.number(name).ok_or_else(|| media.unknown(name))?;
        for (limit, wrong, words) in [
            (self.exact, self.exact.is_some_and(|limit| length != f64::from(limit)), "is not"),
            (self.min, self.min.is_some_and(|limit| length < f64::from(limit)), "is below"),
            (self.max, self.max.is_some_and(|limit| length > f64::from(limit)), "is above"),
        ] {
            faults.extend(limit.filter(|_| wrong).map(|limit| format!("{name} {length} {words} {limit}")));
        }
        Ok(())
    }
}

/// Params of `image_dimensions`, in pixels.
#[derive(Deserialize, Params)]
#[params(validate = Dimensions::check)]
pub struct Dimensions {
    /// The one right width.
    width: Option<u32>,
    /// The one right height.
    height: Option<u32>,
    /// Least width.
    min_width: Option<u32>,
    /// Greatest width.
    max_width: Option<u32>,
    /// Least height.
    min_height: Option<u32>,
    /// Greatest height.
    max_height: Option<u32>,
}

impl Dimensions {
    fn sides(&self) -> [Side; 2] {
        [
            Side { name: "width", exact: self.width, min: self.min_width, max: self.max_width },
            Side { name: "height", exact: self.height, min: self.min_height, max: self.max_height },
        ]
    }

    fn check(&self) -> Result<(), String> {
        if self.sides().iter().all(Side::is_free) {
            return Err("give a limit: `width`, `height`, or one of these with `min_` or `max_`".to_owned());
        }
        self.sides().iter().try_for_each(Side::check)
    }

    /// All images.
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let sides = self.sides();
        parts::judge(subject, Kind::Image, |media| {
            let mut faults = Vec::new();
            sides.iter().try_for_each(|side| side.judge(media, &mut faults))?;
            Ok(joined(&faults))
        })
    }
}

/// Params of `video_resolution`, in pixels.
#[derive(Deserialize, Params)]
#[params(validate = Resolution::check)]
pub struct Resolution {
    /// Least width.
    min_width: Option<u32>,
    /// Greatest width.
    max_width: Option<u32>,
    /// Least height.
    min_height: Option<u32>,
    /// Greatest height.
    max_height: Option<u32>,
    /// Names of which each video's height must have one: 480p (sd), 720p (hd), 1080p (fhd, full_hd), 1440p (2k, qhd),
    /// 2160p (4k, uhd), 4320p (8k).
    #[serde(default)]
    presets: Vec<String>,
}

impl Resolution {
    fn sides(&self) -> [Side; 2] {
        [
            Side { name: "width", exact: None, min: self.min_width, max: self.max_width },
            Side { name: "height", exact: None, min: self.min_height, max: self.max_height },
        ]
    }

    fn check(&self) -> Result<(), String> {
        if self.presets.is_empty() && self.sides().iter().all(Side::is_free) {
            return Err("give `presets`, or a limit: `min_width`, `max_width`, `min_height`, `max_height`".to_owned());
        }
        if let Some(preset) = self.presets.iter().find(|preset| height(preset).is_none()) {
            let known: Vec<_> = PRESETS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
            let known = known.join(", ");
            return Err(format!("parameter `presets`: {} is none of {known}", excerpt(preset, SHOWN)));
        }
        self.sides().iter().try_for_each(Side::check)
    }

    /// All videos.
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let (sides, heights) =
            (self.sides(), self.presets.iter().filter_map(|preset| height(preset)).collect::<Vec<_>>());
        parts::judge(subject, Kind::Video, |media| {
            let mut faults = Vec::new();
            if !heights.is_empty() {
                let height = media.number("height").ok_or_else(|| media.unknown("height"))?;
                if !heights.contains(&height) {
                    faults.push(format!("height {height} is that of no preset asked for"));
                }
            }
            sides.iter().try_for_each(|side| side.judge(media, &mut faults))?;
            Ok(joined(&faults))
        })
    }
}

/// Height that a preset stands for.
fn height(preset: &str) -> Option<f64> {
    let preset = preset.to_lowercase();
    PRESETS.iter().find(|(_, names)| names.contains(&preset.as_str())).map(|(height, _)| *height)
}

fn joined(faults: &[String]) -> Option<String> {
    (!faults.is_empty()).then(|| faults.join(", "))
}
