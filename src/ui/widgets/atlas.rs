//! Thumbnails side by side in a few large textures: a screen full of them is painted from one or two instead of hundreds,
//! and memory is taken and given back in pages.

use eframe::egui::{Color32, ColorImage, Context, Pos2, Rect, TextureFilter, TextureHandle, TextureOptions, Vec2};

use crate::core::data::pixels::Rgb8;

/// Side of a page, in pixels; all graphics drivers take it.
const PAGE: usize = 1024;
/// Sides of the squares that pages are divided into; larger pictures have textures of their own.
const SQUARES: [usize; 4] = [32, 64, 128, 256];
/// Pixels around a picture that repeat its edge, so that a reduced one has nothing of its neighbour.
const EDGE: usize = 1;

/// Small pictures are shown enlarged as the pixels they are; large ones are reduced smoothly.
pub const SAMPLING: TextureOptions = TextureOptions {
    magnification: TextureFilter::Nearest,
    minification: TextureFilter::Linear,
    ..TextureOptions::LINEAR
};

/// Bytes of a page.
pub const PAGE_BYTES: usize = PAGE * PAGE * 4;

/// Names a page; no two pages have the same name, however many come and go.
pub type PageId = u64;

struct Page {
    id: PageId,
    texture: TextureHandle,
    square: usize,
    taken: usize,
    last_used: u64,
}

impl Page {
    fn columns(&self) -> usize {
        PAGE / (self.square + 2 * EDGE)
    }

    fn is_full(&self) -> bool {
        self.taken == self.columns().pow(2)
    }
}

/// Where a picture lies.
#[derive(Clone)]
pub struct Placed {
    /// The page.
    pub page: PageId,
    /// Its texture.
    pub texture: TextureHandle,
    /// The picture's part of it, 0…1.
    pub uv: Rect,
}

/// The pages.
#[derive(Default)]
pub struct Atlas {
    pages: Vec<Page>,
    made: PageId,
}

impl Atlas {
    /// Puts a picture on a page; `None` where it is too large for one.
    pub fn put(&mut self, ctx: &Context, pixels: &Rgb8, frame: u64) -> Option<Placed> {
        let (width, height) = (pixels.width as usize, pixels.height as usize);
        let square = SQUARES.into_iter().find(|square| width.max(height) <= *square)?;
        let at = match self.pages.iter().position(|page| page.square == square && !page.is_full()) {
            Some(at) => at,
            None => self.add(ctx, square, frame),
        };
        let page = self.pages.get_mut(at)?;
        page.last_used = frame;
        let step = square + 2 * EDGE;
        let (column, row) = (page.taken % page.columns(), page.taken / page.columns());
        page.taken += 1;
        page.texture.set_partial([column * step, row * step], edged(pixels), SAMPLING);
        let min = Pos2::new((column * step + EDGE) as f32, (row * step + EDGE) as f32);
        let uv = Rect::from_min_size(min, Vec2::new(width as f32, height as f32));
        let uv =
            Rect::from_min_max((uv.min.to_vec2() / PAGE as f32).to_pos2(), (uv.max.to_vec2() / PAGE as f32).to_pos2());
        Some(Placed { page: page.id, texture: page.texture.clone(), uv })
    }

    fn add(&mut self, ctx: &Context, square: usize, frame: u64) -> usize {
        self.made += 1;
        let ground = ColorImage::filled([PAGE, PAGE], Color32::BLACK);
        let texture = ctx.load_texture("thumbnails", ground, SAMPLING);
        self.pages.push(Page { id: self.made, texture, square, taken: 0, last_used: frame });
        self.pages.len() - 1
    }

    /// A picture on this page is looked at.
    pub fn used(&mut self, page: PageId, frame: u64) {
        if let Some(page) = self.pages.iter_mut().find(|p| p.id == page) {
            page.last_used = frame;
        }
    }

    /// Drops the page that was not looked at for longest, unless it was in the frame before `frame`.
    pub fn drop_oldest(&mut self, frame: u64) -> Option<PageId> {
        let at = self.pages.iter().enumerate().min_by_key(|(_, page)| page.last_used).map(|(at, _)| at)?;
        (self.pages[at].last_used + 1 < frame).then(|| self.pages.swap_remove(at).id)
    }

    /// Drops all pages.
    pub fn clear(&mut self) {
        self.pages.clear();
    }

    /// Bytes of all pages.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pages.len() * PAGE_BYTES
    }
}

/// A picture with its edge repeated around it.
fn edged(pixels: &Rgb8) -> ColorImage {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let size = [width + 2 * EDGE, height + 2 * EDGE];
    let within = |at: usize, length: usize| at.saturating_sub(EDGE).min(length.saturating_sub(1)) as u32;
    let pixel = |at: usize| {
        let [r, g, b] = pixels.pixel(within(at % size[0], width), within(at / size[0], height));
        Color32::from_rgb(r, g, b)
    };
    ColorImage::new(size, (0..size[0] * size[1]).map(pixel).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(side: u32) -> Rgb8 {
        Rgb8::black(side, side)
    }

    #[test]
    fn pictures_share_pages_of_their_size_and_the_oldest_page_goes_first() {
        let (ctx, mut atlas) = (Context::default(), Atlas::default());
        let small: Vec<_> = (0..901).map(|_| atlas.put(&ctx, &picture(32), 1).unwrap()).collect();
        // 30 × 30 squares of 34 pixels fit into 1024.
        assert_eq!((small[0].page, small[899].page, small[900].page), (1, 1, 2));
        let other = atlas.put(&ctx, &picture(33), 3).unwrap();
        assert_eq!((other.page, atlas.bytes()), (3, 3 * PAGE_BYTES));
        assert!(atlas.put(&ctx, &picture(257), 3).is_none());
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        let uv = small[31].uv;
        assert!(
            near(uv.min.x, 35.0 / 1024.0) && near(uv.min.y, 35.0 / 1024.0) && near(uv.width(), 32.0 / 1024.0),
            "{uv:?}"
        );
        atlas.used(1, 4);
        assert_eq!((atlas.drop_oldest(5), atlas.drop_oldest(5), atlas.drop_oldest(5)), (Some(2), Some(3), None));
        assert_eq!(atlas.drop_oldest(6), Some(1));
        assert_eq!(atlas.put(&ctx, &picture(8), 7).unwrap().page, 4, "names are not given twice");
    }

    #[test]
    fn the_edge_is_repeated() {
        let mut pixels = Rgb8::black(2, 1);
        pixels.set_pixel(0, 0, [9, 0, 0]);
        pixels.set_pixel(1, 0, [0, 7, 0]);
        let edged = edged(&pixels);
        let reds: Vec<u8> = edged.pixels.iter().map(|c| c.r()).collect();
        assert_eq!((edged.size, reds), ([4, 3], vec![9, 9, 0, 0, 9, 9, 0, 0, 9, 9, 0, 0]));
    }
}
