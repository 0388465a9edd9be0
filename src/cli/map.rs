//! `stillroom map`.

use std::path::PathBuf;

use crate::core::data::dataset::Split;
use crate::core::progress::Progress as _;
use crate::jobs::map::{Layout, MapRequest, map};
use crate::jobs::open::ObserverRequest;

use super::console::{peak_rss_mib, print_line};
use super::options::{Common, ReadingArgs};
use super::outputs::{Outputs, written};
use super::{Console, Failure};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The dataset's folder; its training split is mapped where it has one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The weight file
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// Write image,class,x,y,loss, a row for each image
    #[arg(long, value_name = "FILE.csv")]
    out: PathBuf,
    /// Write the features as little-endian float32, a row for each image
    #[arg(long, value_name = "FILE")]
    features: Option<PathBuf>,
    /// Images, at most, equally many of each class
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u32).range(12..=1_000_000))]
    images: u32,
    /// How images are laid out: by t-SNE, or by their first two principal components
    #[arg(long, value_enum, default_value_t)]
    layout: LayoutArg,
    /// Neighbours of each image that count, roughly
    #[arg(long, default_value_t = 30.0)]
    perplexity: f64,
    /// Which images
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum LayoutArg {
    /// t-SNE, Barnes and Hut's approximation
    #[default]
    Tsne,
    /// Principal components
    Pca,
}

impl Args {
    fn outputs(&self) -> Outputs<'_> {
        Outputs::new([("--out", Some(&self.out)), ("--features", self.features.as_ref())])
    }

    fn observer(&self) -> ObserverRequest {
        self.common.network.observer(self.observer.clone())
    }

    fn request(&self) -> MapRequest {
        let layout = match self.layout {
            LayoutArg::Tsne => Layout::Tsne,
            LayoutArg::Pca => Layout::Pca,
        };
        MapRequest { images: self.images as usize, layout, perplexity: self.perplexity, seed: self.seed }
    }
}

/// Maps a dataset; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    args.outputs().check()?;
    let mut console = Console::new(args.common.compute.json)?;
    let dataset = args.common.open(&args.reading.of(&args.data), Split::Train, &args.observer(), &mut console)?;
    let mut session = args.common.session(&args.observer(), dataset.clone(), &mut console)?;
    let found = map(&mut session, &args.request(), &mut console).map_err(|e| console.failure(&e))?;
    for (image, reason) in &found.broken {
        console.warn(format!("{}: {reason}; left out", dataset.source(*image)));
    }
    written(Some(&args.out), |path| found.write(path, &dataset))?;
    written(args.features.as_ref(), |path| found.write_features(path))?;
    let trust = found.trustworthiness;
    console.say(&format!("{} images mapped, trustworthiness {trust:.4}", found.points.len()));
    print_line(&serde_json::json!({
        "job": "map",
        "images": found.points.len(),
        "broken": found.broken.len(),
        "dims": found.dims,
        "kl": found.kl,
        "trustworthiness": trust,
        "seconds": found.seconds,
        "device": session.device.id,
        "peak_rss_mib": peak_rss_mib(),
    }));
    Ok(())
}
