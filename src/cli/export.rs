//! `stillroom export`.

use std::path::PathBuf;

use serde_json::Value;

use crate::core::data::folders::Folders;
use crate::core::data::normalise::MeanStd;
use crate::core::progress::Progress as _;
use crate::jobs::export::{Accuracies, ExportRequest, Format, Material, Prepared, accuracies};
use crate::jobs::open::ObserverRequest;
use crate::store::export::rounding::Rounding;
use crate::store::files::shown;

use super::console::print_line;
use super::options::ComputeArgs;
use super::{Console, Failure};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The distilled set's folder, or any dataset
    #[arg(long, value_name = "DIR")]
    set: PathBuf,
    #[arg(long, value_name = "NAME", help = formats())]
    format: Format,
    /// The new folder
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    /// For sources: the dataset that the set was made from
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// For dd-ranking: another normalisation than its own for the dataset (imagenet, half, cifar10, tiny, none, or
    /// m,m,m,s,s,s)
    #[arg(long, allow_hyphen_values = true)]
    mean_std: Option<MeanStd>,
    /// What the folders are where it is in doubt: splits (train, test, …) or classes
    #[arg(long, value_name = "splits|classes", default_value = "auto", hide_default_value = true)]
    folders: Folders,
    /// For sets that keep floats, in formats of 8 bits: a weight file whose top-1 on the set is compared before and after
    #[arg(long, value_name = "FILE")]
    observer: Option<PathBuf>,
    /// Which of the networks in the observer's file, where it holds several
    #[arg(long, value_name = "NAME", requires = "observer")]
    part: Option<String>,
    /// Say how large it will be, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// The names of all formats.
fn formats() -> String {
    format!("{} (the images that the set was made of)", Format::ALL.map(Format::name).join(", "))
}

impl Args {
    fn request(&self) -> Result<ExportRequest, Failure> {
        let only = |flag: &str, format: Format| {
            Failure::Usage(format!("{flag} is for --format {format} alone: leave it away for {}", self.format))
        };
        if self.data.is_some() && self.format != Format::Sources {
            return Err(only("--data", Format::Sources));
        }
        if self.mean_std.is_some() && self.format != Format::DdRanking {
            return Err(only("--mean-std", Format::DdRanking));
        }
        let (set, folders) = (self.set.clone(), self.folders);
        let material = match &self.data {
            Some(data) => Material::Sources { set, data: data.clone(), folders },
            None if self.format == Format::Sources => {
                let why = "the set's manifest names its source images, but not where the dataset lies: give --data DIR";
                return Err(Failure::Usage(why.to_owned()));
            }
            None => Material::Set { folder: set, folders },
        };
        Ok(ExportRequest { material, format: self.format, out: self.out.clone(), mean_std: self.mean_std })
    }
}

impl Args {
    /// What 8 bits change of a set that keeps floats, as fields of the last line; told where an observer shows it.
    fn changes(&self, prepared: &Prepared, console: &mut Console) -> Result<Vec<(&'static str, Value)>, Failure> {
        let Some(Rounding { values, clamped, greatest }) = prepared.rounding() else {
            if self.observer.is_some() {
                console.warn("--observer has nothing to compare: the export keeps all values of the set".to_owned());
            }
            return Ok(Vec::new());
        };
        let mut fields = vec![("values", values.into()), ("clamped", clamped.into())];
        fields.push(("greatest_change", f64::from(greatest).into()));
        let set = shown(&self.set);
        let Some(file) = &self.observer else {
            console.say(&format!(
                "--observer FILE compares an observer's accuracy on the floats with that in 8 bits; of students, `stillroom \
                 train` tells it, once with --data {set} and once with the export"
            ));
            return Ok(fields);
        };
        let request = ObserverRequest { file: file.clone(), part: self.part.clone(), ..ObserverRequest::default() };
        let mut session = self.compute.session(&request, prepared.dataset().clone(), None, console)?;
        let found = accuracies(&mut session, console).map_err(|e| console.failure(&e))?;
        let Accuracies { floats, in_8_bits, images } = found;
        console.warn(format!(
            "the observer's top-1 on the set's {images} images is {floats:.2} % of the floats and {in_8_bits:.2} % in 8 \
             bits ({:+.2} points); how students differ, `stillroom train` tells, once with --data {set} and once with the \
             export",
            in_8_bits - floats
        ));
        fields.extend([("observer_top1", floats.into()), ("observer_top1_8_bit", in_8_bits.into())]);
        Ok(fields)
    }
}

/// Exports a set; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let request = args.request()?;
    let mut console = Console::new(args.compute.json)?;
    let prepared = Prepared::new(&request, &mut console).map_err(|e| console.failure(&e))?;
    let (size, images, out) = (prepared.size(), prepared.images(), shown(&args.out));
    let at_most = if size.exact { "" } else { "at most " };
    let about: String = prepared.about().iter().map(|(name, value)| format!(", {name} {value}")).collect();
    console.say(&format!("{images} images: {} files, {at_most}{} bytes in {out}{about}", size.files, size.bytes));
    let mut line = serde_json::json!({
        "job": "export",
        "format": request.format.name(),
        "images": images,
        "files": size.files,
        "bytes": size.bytes,
        "lossless": prepared.lossless(),
        "out": out,
    });
    let mut add = |name: &str, value: Value| {
        if let Some(fields) = line.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    };
    prepared.about().into_iter().for_each(|(name, value)| add(&name, value));
    args.changes(&prepared, &mut console)?.into_iter().for_each(|(name, value)| add(name, value));
    if args.dry_run {
        add("dry_run", true.into());
        add("exact", size.exact.into());
        print_line(&line);
        return Ok(());
    }
    let report = prepared.run(&mut console).map_err(|e| console.failure(&e))?;
    let (greatest, mean) = (report.difference.greatest, report.difference.mean());
    add("files", report.files.into());
    add("bytes", report.bytes.into());
    add("lossless", report.lossless.into());
    add("out", shown(&report.out).into());
    if !report.lossless && prepared.rounding().is_none_or(|_| greatest > 0) {
        add("greatest_difference", greatest.into());
        add("mean_difference", mean.into());
        console.warn(format!(
            "pixels are not the set's: they differ by up to {greatest} of 255 levels, by {mean:.2} in the mean"
        ));
    }
    console.say(&format!(
        "{} files, {} bytes, read back and compared: {}",
        report.files,
        report.bytes,
        shown(&report.out)
    ));
    print_line(&line);
    Ok(())
}
