//! The project folder, what goes into it and what comes out.
