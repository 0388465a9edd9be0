//! One Parquet file as the `datasets` library has it: a column `image` of files' bytes and names, a column `label` of
//! numbers, and in the file's metadata what both are, with the names of the classes.

use std::fs::File;
use std::io::Error;
use std::ops::Range;
use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use ::parquet::column::reader::ColumnReader;
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{PrimitiveTypeBuilder, Type};

use super::content::{Content, Difference, Export, ExportError, Size, Writer};

const NAME: &str = "data.parquet";
/// Rows that are in memory together: as `datasets` writes images, so that one is quickly found.
const ROWS: usize = 100;
/// Bytes of images from which on no further row joins a group.
const GROUP: u64 = 64 << 20;
/// How deep a value of `image` and of `label` lies, where it is there.
const IN_IMAGE: i16 = 2;
const IN_LABEL: i16 = 1;

/// The rows of each group.
pub(super) struct Groups {
    groups: Vec<Range<usize>>,
    features: String,
}

/// The set's layout.
pub(super) fn layout(content: &Content) -> Groups {
    let (mut groups, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, picture) in content.pictures.iter().enumerate() {
        if at > from && (at - from == ROWS || bytes + picture.bytes > GROUP) {
            groups.push(from..at);
            (from, bytes) = (at, 0);
        }
        bytes += picture.bytes;
    }
    groups.push(from..content.pictures.len());
    Groups { groups, features: features(content) }
}

/// The columns' meaning in the library's own words. Names of classes are unique there.
fn features(content: &Content) -> String {
    let mut names: Vec<String> = Vec::new();
    for label in 0..content.classes.len() as u32 {
        let name = content.class_name(label).to_owned();
        names.push(if names.contains(&name) { format!("{name} ({label})") } else { name });
    }
    let label = serde_json::json!({"names": names, "_type": "ClassLabel"});
    let features = serde_json::json!({"image": {"_type": "Image"}, "label": label});
    serde_json::json!({"info": {"features": features}}).to_string()
}

fn leaf(name: &str, physical: Physical) -> PrimitiveTypeBuilder<'_> {
    Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL)
}

fn schema() -> Result<Type, ParquetError> {
    let bytes = leaf("bytes", Physical::BYTE_ARRAY).build()?;
    let path = leaf("path", Physical::BYTE_ARRAY)
        .with_converted_type(ConvertedType::UTF8)
        .with_logical_type(Some(LogicalType::String))
        .build()?;
    let image = Type::group_type_builder("image")
        .with_repetition(Repetition::OPTIONAL)
        .with_fields(vec![Arc::new(bytes), Arc::new(path)])
        .build()?;
    let label = leaf("label", Physical::INT64).build()?;
    Type::group_type_builder("schema").with_fields(vec![Arc::new(image), Arc::new(label)]).build()
}

/// A group of rows, by columns.
struct Columns {
    bytes: Vec<ByteArray>,
    paths: Vec<ByteArray>,
    labels: Vec<i64>,
}

impl Groups {
    fn columns(&self, group: usize, export: &mut Export<'_>) -> Result<Columns, ExportError> {
        let rows = self.groups[group].clone();
        let pictures = &export.content.pictures[rows.clone()];
        let paths = pictures.iter().map(|p| ByteArray::from(p.file.as_str())).collect();
        let labels = pictures.iter().map(|p| p.label.into()).collect();
        let mut bytes = Vec::with_capacity(rows.len());
        for at in rows {
            export.written(at)?;
            bytes.push(export.bytes(at)?.into());
        }
        Ok(Columns { bytes, paths, labels })
    }

    /// The statistics would hold parts of images, and dictionaries and indexes serve nothing here.
    fn properties(&self) -> WriterProperties {
        let about = KeyValue { key: "huggingface".to_owned(), value: Some(self.features.clone()) };
        WriterProperties::builder()
            .set_created_by(env!("CARGO_PKG_NAME").to_owned())
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(vec![about]))
            .build()
    }
}

fn write_group(writer: &mut SerializedFileWriter<File>, columns: &Columns) -> Result<(), ParquetError> {
    let rows = columns.labels.len();
    let mut byte_columns = [&columns.bytes, &columns.paths].into_iter();
    let mut group = writer.next_row_group()?;
    while let Some(mut column) = group.next_column()? {
        match (column.untyped(), byte_columns.next()) {
            (ColumnWriter::ByteArrayColumnWriter(to), Some(values)) => {
                to.write_batch(values, Some(&vec![IN_IMAGE; rows]), None)?;
            }
            (ColumnWriter::Int64ColumnWriter(to), _) => {
                to.write_batch(&columns.labels, Some(&vec![IN_LABEL; rows]), None)?;
            }
            _ => return Err(ParquetError::General("a column of another type".to_owned())),
        }
        column.close()?;
    }
    group.close()?;
    Ok(())
}

/// A group's rows, read back.
fn read_group(file: &SerializedFileReader<File>, group: usize, rows: usize) -> Result<Columns, ParquetError> {
    let group = file.get_row_group(group)?;
    let texts = |column| -> Result<Vec<ByteArray>, ParquetError> {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let ColumnReader::ByteArrayColumnReader(mut from) = group.get_column_reader(column)? else {
            return Err(ParquetError::General("a column of another type".to_owned()));
        };
        from.read_records(rows + 1, Some(&mut levels), None, &mut values)?;
        Ok(values)
    };
    let (mut labels, mut levels) = (Vec::new(), Vec::new());
    let ColumnReader::Int64ColumnReader(mut from) = group.get_column_reader(2)? else {
        return Err(ParquetError::General("a column of another type".to_owned()));
    };
    from.read_records(rows + 1, Some(&mut levels), None, &mut labels)?;
    Ok(Columns { bytes: texts(0)?, paths: texts(1)?, labels })
}

impl Writer for Groups {
    fn size(&self, content: &Content) -> Size {
        // Lengths, levels and the headers of pages and columns; the metadata stand in the file once.
        let row = |p: &super::content::Picture| p.bytes + p.file.len() as u64 + 64;
        let rows: u64 = content.pictures.iter().map(row).sum();
        let about = (self.groups.len() * 2048 + self.features.len() + 4096) as u64;
        Size { files: 1, bytes: rows + about, exact: false }
    }

    fn write(&self, export: &mut Export<'_>) -> Result<(), ExportError> {
        let failed = export.folder.at(NAME);
        let failed = |e: ParquetError| failed(Error::other(e));
        let schema = Arc::new(schema().map_err(&failed)?);
        let file = export.folder.create(NAME)?;
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(self.properties())).map_err(&failed)?;
        for group in 0..self.groups.len() {
            let columns = self.columns(group, export)?;
            write_group(&mut writer, &columns).map_err(&failed)?;
        }
        writer.close().map_err(&failed)?;
        Ok(export.written(export.content.pictures.len())?)
    }

    fn compare(&self, export: &mut Export<'_>) -> Result<Difference, ExportError> {
        let file = SerializedFileReader::new(export.open(NAME)?).map_err(|e| export.differs(NAME, e.to_string()))?;
        let about = file.metadata().file_metadata().key_value_metadata();
        let features = about.and_then(|all| all.iter().find(|a| a.key == "huggingface")).and_then(|a| a.value.as_ref());
        if features != Some(&self.features) || file.num_row_groups() != self.groups.len() {
            return Err(export.differs(NAME, "holds other metadata than were written"));
        }
        for (group, rows) in self.groups.iter().enumerate() {
            export.compared(rows.start)?;
            let found = read_group(&file, group, rows.len()).map_err(|e| export.differs(NAME, e.to_string()))?;
            let due = &export.content.pictures[rows.clone()];
            let bytes = found.bytes.iter().map(|b| blake3::hash(b.data()));
            let same = bytes.eq(due.iter().map(|p| p.hash))
                && found.paths.iter().map(ByteArray::data).eq(due.iter().map(|p| p.file.as_bytes()))
                && found.labels.iter().copied().eq(due.iter().map(|p| i64::from(p.label)));
            if !same {
                return Err(export.differs(NAME, format!("holds other rows than were written from {}", rows.start)));
            }
        }
        export.compared(export.content.pictures.len())?;
        Ok(Difference::default())
    }
}
