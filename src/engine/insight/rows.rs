//! A table of numbers: one row of features per image.

/// Why values aren't rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// A row would have no values.
    #[error("rows need at least one value each")]
    NoColumns,
    /// The last row is incomplete.
    #[error("{values} values can't be divided into rows of {dims}")]
    Incomplete {
        /// How many values there are.
        values: usize,
        /// Values per row.
        dims: usize,
    },
    /// Distances would mean nothing.
    #[error("row {row}, column {column} (counted from 0) isn't a finite number")]
    NotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
}

/// Rows of finite numbers, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    values: &'a [f32],
    dims: usize,
}

impl<'a> Rows<'a> {
    /// `values` (n×dims, row after row) as rows of `dims` values. No values are no rows.
    ///
    /// # Errors
    /// [`RowsError`] where `dims` is 0, a row is incomplete, or a value is infinite or not a number.
    pub fn new(values: &'a [f32], dims: usize) -> Result<Self, RowsError> {
        if dims == 0 {
            return Err(RowsError::NoColumns);
        }
        if !values.len().is_multiple_of(dims) {
            return Err(RowsError::Incomplete { values: values.len(), dims });
        }
        match values.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(RowsError::NotFinite { row: at / dims, column: at % dims }),
            None => Ok(Self { values, dims }),
        }
    }

    /// Row `i` of [`Self::len`].
    #[must_use]
    pub fn row(self, i: usize) -> &'a [f32] {
        &self.values[i * self.dims..(i + 1) * self.dims]
    }

    /// Number of rows.
    #[must_use]
    pub fn len(self) -> usize {
        self.values.len() / self.dims
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// Values per row, at least 1.
    #[must_use]
    pub fn dims(self) -> usize {
        self.dims
    }

    /// All values: n×dims.
    #[must_use]
    pub fn values(self) -> &'a [f32] {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_checked() {
        assert_eq!(Rows::new(&[1.0], 0).err(), Some(RowsError::NoColumns));
        assert_eq!(Rows::new(&[1.0; 5], 2).err(), Some(RowsError::Incomplete { values: 5, dims: 2 }));
        let bad = [0.0, 1.0, 2.0, f32::NAN];
        assert_eq!(Rows::new(&bad, 2).err(), Some(RowsError::NotFinite { row: 1, column: 1 }));
        let rows = Rows::new(&[0.0, 1.0, 2.0, 3.0], 2).unwrap();
        assert_eq!((rows.len(), rows.dims(), rows.row(1)), (2, 2, &[2.0, 3.0][..]));
        assert!(Rows::new(&[], 3).unwrap().is_empty());
    }
}
