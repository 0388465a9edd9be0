use super::*;
use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
use crate::core::data::source::Held;
use crate::core::distil::curation::{Choice, Place};
use crate::core::distil::patch::{CropBox, subset_order};
use crate::core::distil::scores::BrokenImage;
use crate::core::distil::select::{Chosen, ranked, select, unused};
use crate::core::rng::Stream;

fn dataset() -> Arc<Dataset> {
    let mut builder = DatasetBuilder::default();
    let names = (0..4).map(|i| format!("{i}.png").into_bytes()).collect();
    builder.class(Class { name: "a".into(), title: None, folder: b"a".to_vec() }, names);
    Arc::new(builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap())
}

/// Images in the order in which they are shown.
fn shown(ranking: &Ranking) -> Vec<u32> {
    ranking.ranked(ClassId(0)).iter().map(|p| p.image.0).collect()
}

fn block(losses: &[f32]) -> Arc<ClassScores> {
    let mut block = ClassScores::new(1);
    for (i, loss) in losses.iter().enumerate() {
        block.push(i as u32, ImageId(i as u32), &[CropBox::whole(8, 8)], &[*loss]);
    }
    Arc::new(block)
}

fn images(ranking: &Ranking) -> Vec<u32> {
    ranking.selected(ClassId(0)).iter().map(|kept| kept.patch.image.0).collect()
}

#[test]
fn recipes_select_from_scores_in_memory_and_old_ones_are_kept() {
    let class = ClassId(0);
    let method = Rded { patches: 1, subset: 4, crops: 1, ..Rded::default() };
    let recipe = Recipe { ipc: 2, method, ..Recipe::default() };
    let mut ranking = Ranking::default();
    ranking.open(Some(dataset()));
    ranking.update(&recipe, &Arc::default());
    assert_eq!((ranking.any(), ranking.stale([class].into_iter())), (false, 1));
    ranking.add(&recipe, class, block(&[0.4, 0.1, 0.3, 0.2]));
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![1, 3], 0));
    assert_eq!((ranking.place(ImageId(3)), ranking.cell(class, 1)), (Some((class, 1)), Some((0, 1))));

    // A smaller subset: images 0 and 1 only.
    ranking.update(&recipe.with(Rded { subset: 2, ..method }), &Arc::default());
    assert_eq!((images(&ranking), ranking.place(ImageId(3))), (vec![1, 0], None));
    // Another N has no scores: what is known stays, marked as stale; back again it is there as before.
    let four = recipe.with(Rded { patches: 4, ..method });
    ranking.update(&four, &Arc::default());
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![1, 3], 1));
    assert_eq!((ranking.class(class).stale, ranking.recipe(class).method.patches), (true, 1));
    ranking.update(&Recipe { ipc: 1, ..four }, &Arc::default());
    assert_eq!(images(&ranking), [1], "IPC moves what is stale, too");
    ranking.add(&four, class, block(&[0.1, 0.2, 0.3, 0.4]));
    assert_eq!((images(&ranking), ranking.class(class).stale), (vec![0, 1, 2, 3], false));
    ranking.update(&Recipe { ipc: 5, ..recipe }, &Arc::default());
    assert!(ranking.problem(class).is_some_and(|p| p.contains("'a'")));
    // Scores for another recipe do not show.
    ranking.add(&Recipe { seed: 9, ..recipe }, class, block(&[9.0]));
    assert_eq!(ranking.class(class).ranked, 4);
    ranking.open(Some(dataset()));
    assert!(!ranking.any());
}

/// Whole images resized to a patch and whole images as the observer is evaluated (LIC) look different to it.
#[test]
fn whole_images_that_are_framed_otherwise_have_scores_of_their_own() {
    let class = ClassId(0);
    let method = Rded { patches: 1, subset: 4, crops: 0, ..Rded::default() };
    let recipe = Recipe { ipc: 2, method, ..Recipe::default() };
    let views = recipe.with(Rded { framing: Framing::View, ..method });
    let mut ranking = Ranking::default();
    ranking.open(Some(dataset()));
    ranking.update(&recipe, &Arc::default());
    ranking.add(&recipe, class, block(&[0.4, 0.1, 0.3, 0.2]));
    ranking.update(&views, &Arc::default());
    assert_eq!((ranking.stale([class].into_iter()), ranking.class(class).stale), (1, true));
    assert_eq!(ranking.recipe(class).method.framing, Framing::Patch, "it is shown as it was scored");
    ranking.add(&views, class, block(&[0.1, 0.4, 0.2, 0.3]));
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![0, 2], 0));
    ranking.update(&recipe, &Arc::default());
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![1, 3], 0));
    // Crops have no framing.
    let crops = recipe.with(Rded { crops: 1, ..method });
    ranking.add(&crops, class, block(&[0.1, 0.2, 0.3, 0.4]));
    ranking.update(&crops.with(Rded { framing: Framing::View, ..crops.method }), &Arc::default());
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![0, 1], 0));
}

#[test]
fn random_is_shown_at_once_and_herding_only_with_its_picks() {
    let class = ClassId(0);
    let method = Rded { patches: 1, subset: 4, crops: 1, ..Rded::default() };
    let recipe = Recipe { ipc: 2, method, ..Recipe::default() };
    let mut ranking = Ranking::default();
    ranking.open(Some(dataset()));
    ranking.update(&recipe, &Arc::default());
    ranking.add(&recipe, class, block(&[0.4, 0.1, 0.3, 0.2]));
    ranking.update(&recipe.with(Rded { strategy: Strategy::Random, ..method }), &Arc::default());
    let drawn = ranked(&block(&[0.4, 0.1, 0.3, 0.2]), &ranking.recipe, "a", &[]);
    assert_eq!(shown(&ranking), drawn.iter().map(|p| p.image.0).collect::<Vec<_>>());
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (shown(&ranking)[..2].to_vec(), 0));

    let herding = recipe.with(Rded { strategy: Strategy::Herding, ..method });
    ranking.update(&herding, &Arc::default());
    assert_eq!((shown(&ranking), images(&ranking), ranking.stale([class].into_iter())), (vec![], vec![], 1));
    assert!(ranking.problem(class).is_some_and(|p| p.contains("herding")));
    ranking.add_picks(&herding, class, Arc::new(vec![ImageId(2), ImageId(0)]));
    assert_eq!((images(&ranking), shown(&ranking)), (vec![2, 0], vec![2, 0, 1, 3]));
    ranking.update(&Recipe { ipc: 1, ..herding }, &Arc::default());
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![2], 0));
    ranking.update(&Recipe { ipc: 3, ..herding }, &Arc::default());
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![], 1));
    // Of fewer picks, the longer list stays; k-means asks anew for each size.
    ranking.add_picks(&herding, class, Arc::new(vec![ImageId(2)]));
    ranking.update(&herding, &Arc::default());
    assert_eq!(images(&ranking), [2, 0]);
    let kmeans = recipe.with(Rded { strategy: Strategy::KMeans, ..method });
    ranking.update(&kmeans, &Arc::default());
    ranking.add_picks(&kmeans, class, Arc::new(vec![ImageId(3), ImageId(1)]));
    assert_eq!(images(&ranking), [3, 1]);
    ranking.update(&Recipe { ipc: 1, ..kmeans }, &Arc::default());
    assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![], 1));
}

/// Everything that is known of a class for the recipe of the moment.
#[derive(Debug, PartialEq)]
struct Known {
    /// Image, crop and the loss's bits of each ranked patch.
    ranked: Vec<(u32, u32, u32)>,
    /// The same of each slot, with rank and reason.
    selected: Vec<((u32, u32, u32), u32, Chosen)>,
    unused: Vec<Unused>,
    problem: Option<String>,
    counts: [usize; 3],
    covered: bool,
}

fn patches(of: &[PatchScore]) -> Vec<(u32, u32, u32)> {
    of.iter().map(|p| (p.image.0, p.crop, p.loss.to_bits())).collect()
}

fn slots(of: &[Kept]) -> Vec<((u32, u32, u32), u32, Chosen)> {
    let slot = |kept: &Kept| (patches(&[kept.patch])[0], kept.rank, kept.chosen);
    of.iter().map(slot).collect()
}

/// Scores, picks and marks as they were given, and a window's ranking that was given the same.
struct Both {
    data: Arc<Dataset>,
    blocks: HashMap<(Base, ClassId), Arc<ClassScores>>,
    picks: HashMap<(Shape, ClassId), Picks>,
    curation: Arc<Curation>,
    ranking: Ranking,
}

impl Both {
    /// Ranked and selected from scratch, with nothing kept: for the recipe that is asked for, or for the one whose scores
    /// stand in for it.
    fn anew(&self, asked: &Recipe<Rded>, class: ClassId) -> Known {
        let recipe = self.ranking.recipe(class);
        let stale = base(asked) != base(recipe);
        assert!(
            !stale || !self.blocks.contains_key(&(base(asked), class)),
            "it is scored, and something else is shown"
        );
        let same = |of: &Recipe<Rded>| (of.ipc, of.method.subset, of.method.strategy);
        assert_eq!((same(recipe), self.ranking.class(class).stale), (same(asked), stale));
        let wanted = self.data.class_size(class).min(recipe.method.subset as usize);
        let Some(block) = self.blocks.get(&(base(recipe), class)) else {
            let (ranked, selected, unused) = Default::default();
            return Known { ranked, selected, unused, problem: None, counts: [0, wanted, 0], covered: false };
        };
        let about = self.data.class(class);
        let picks = self.picks.get(&(shape(recipe), class)).map_or(&[][..], |p| p);
        let marks: Vec<_> = self.curation.within(self.data.images_of(class)).collect();
        let keys = Arc::new(ranked(block, recipe, &about.name, picks));
        let mut keys = Order::new(keys, block, recipe, &marks).patches.to_vec();
        let broken = block.broken.iter().filter(|b| b.position < recipe.method.subset).count();
        let counts = [keys.len() + broken, wanted, broken];
        let mut covered = !stale
            && block.covers(recipe.method.subset, recipe.method.patches_per_image(), self.data.class_size(class));
        let chosen = select(block, about, recipe, picks, &marks);
        if matches!(chosen, Err(SelectError::Unpicked { .. })) {
            covered = false;
            keys.clear();
        }
        let problem = chosen.as_ref().err().map(ToString::to_string);
        let selected = slots(&chosen.unwrap_or_default());
        let unused = unused(block, about, recipe, picks, &marks);
        Known { ranked: patches(&keys), selected, unused, problem, counts, covered }
    }

    fn kept(&self, class: ClassId) -> Known {
        let (ranking, counted) = (&self.ranking, self.ranking.class(class));
        assert_eq!((counted.ranked, counted.selected), (ranking.ranked(class).len(), ranking.selected(class).len()));
        Known {
            ranked: patches(ranking.ranked(class)),
            selected: slots(ranking.selected(class)),
            unused: ranking.unused(class),
            problem: ranking.problem(class),
            counts: [counted.tried, counted.wanted, counted.broken],
            covered: counted.covered,
        }
    }

    fn add_scores(&mut self, recipe: &Recipe<Rded>, class: ClassId, stream: &mut Stream) {
        let size = self.data.class_size(class);
        let first = self.data.images_of(class).start;
        let crops = recipe.method.patches_per_image() + stream.below(2) as u32;
        let mut block = ClassScores::new(crops);
        let order = subset_order(recipe.seed, &self.data.class(class).name, size);
        let tried = stream.below(size as u64 + 1) as usize;
        for (position, at) in (0..).zip(order.into_iter().take(tried)) {
            let image = ImageId(first + at);
            if stream.below(6) == 0 {
                block.broken.push(BrokenImage { image, position, reason: "torn".to_owned() });
            } else {
                let losses: Vec<f32> = (0..crops).map(|_| stream.below(9) as f32 / 4.0).collect();
                let boxes: Vec<_> = (0..crops).map(|crop| CropBox { top: crop, ..CropBox::whole(8, 8) }).collect();
                block.push(position, image, &boxes, &losses);
            }
        }
        let block = Arc::new(block);
        self.blocks.insert((base(recipe), class), block.clone());
        self.ranking.add(recipe, class, block);
    }

    /// Marks an image of a class anew.
    fn mark(&mut self, recipe: &Recipe<Rded>, class: ClassId, stream: &mut Stream) {
        let images = self.data.images_of(class);
        if images.is_empty() {
            return;
        }
        let image = ImageId(images.start + stream.below(images.len() as u64) as u32);
        let mut below = |n: u64| stream.below(n) as u32;
        let choice = [Choice::Ranked, Choice::Pinned, Choice::Pinned, Choice::Rejected][below(4) as usize];
        let crop = (below(3) == 0).then(|| CropBox { top: below(4), ..CropBox::whole(8, 8) });
        let place = (below(2) == 0).then(|| Place { image: below(4), cell: below(2) });
        let mut curation = (*self.curation).clone();
        curation.set(image, Mark { choice, crop, place, tag: below(2) as u8 });
        self.curation = Arc::new(curation);
        self.ranking.update(recipe, &self.curation);
    }

    fn add_picks(&mut self, recipe: &Recipe<Rded>, class: ClassId, stream: &mut Stream) {
        let mut images: Vec<ImageId> = self.data.images_of(class).map(ImageId).collect();
        stream.shuffle(&mut images);
        let exact = recipe.patches_per_class();
        images.truncate(if stream.below(2) == 0 { exact } else { stream.below(12) as usize });
        let picks = Arc::new(images);
        let known = self.picks.entry((shape(recipe), class)).or_default();
        if picks.len() >= known.len() {
            *known = picks.clone();
        }
        self.ranking.add_picks(recipe, class, picks);
    }
}

/// One parameter of the recipe moves.
fn moved(recipe: &Recipe<Rded>, stream: &mut Stream) -> Recipe<Rded> {
    let mut next = *recipe;
    let mut one_of = |values: &[u32]| values[stream.below(values.len() as u64) as usize];
    match one_of(&[0, 0, 0, 1, 1, 1, 2, 3, 4, 5]) {
        0 => next.ipc = one_of(&[1, 2, 3, 4]),
        1 => next.method.subset = one_of(&[1, 3, 5, 8, 12, 30, 30]),
        2 => next.method.crops = one_of(&[0, 1, 2, 5]),
        3 => next.method.patches = one_of(&[1, 1, 1, 4]),
        4 => next.seed = u64::from(one_of(&[0, 1])),
        _ => {
            let name = Strategy::NAMES[one_of(&[0, 1, 2, 3]) as usize];
            next.method.strategy = Strategy::named(name).unwrap();
        }
    }
    next
}

/// Whatever moves in whatever order, and whoever looks at what in between: what is kept is what a selection from scratch
/// gives.
#[test]
fn what_is_kept_is_what_selecting_anew_gives() {
    let (mut selected, mut chosen) = (0, 0);
    for seed in 0..12 {
        let mut stream = Stream::new("stillroom test ranking", seed, &[]);
        let mut builder = DatasetBuilder::default();
        for (name, size) in [("a", 14), ("b", 0), ("c", 5), ("d", 30)] {
            let names = (0..size).map(|i| format!("{i:02}.png").into_bytes()).collect();
            builder.class(Class { name: name.into(), title: None, folder: name.into() }, names);
        }
        let data =
            Arc::new(builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap());
        let (blocks, picks, curation) = Default::default();
        let mut both = Both { data: data.clone(), blocks, picks, curation, ranking: Ranking::default() };
        both.ranking.open(Some(data.clone()));
        let method = Rded { patches: 1, subset: 8, crops: 2, ..Rded::default() };
        let mut recipe = Recipe { ipc: 2, method, ..Recipe::default() };
        both.ranking.update(&recipe, &both.curation);
        for step in 0..400 {
            let class = ClassId(stream.below(4) as u32);
            match stream.below(12) {
                10 => both.mark(&recipe, class, &mut stream),
                11 if stream.below(8) == 0 => {
                    both.curation = Arc::default();
                    both.ranking.update(&recipe, &both.curation);
                }
                0 => both.add_scores(&recipe, class, &mut stream),
                1 => both.add_picks(&recipe, class, &mut stream),
                // What comes in late, for a recipe that is no longer shown.
                2 => {
                    let other = moved(&recipe, &mut stream);
                    both.add_scores(&other, class, &mut stream);
                    both.add_picks(&other, class, &mut stream);
                }
                _ => {
                    recipe = moved(&recipe, &mut stream);
                    both.ranking.update(&recipe, &both.curation);
                }
            }
            // Not every class is looked at after every step.
            for class in data.class_ids().filter(|_| stream.below(3) == 0) {
                let due = both.anew(&recipe, class);
                selected += due.selected.len();
                assert_eq!(both.kept(class), due, "seed {seed}, step {step}, {class:?}, {recipe:?}");
                for (rank, patch) in due.ranked.iter().enumerate() {
                    assert_eq!(both.ranking.place(ImageId(patch.0)), Some((class, rank)));
                    let slot = due.selected.iter().position(|kept| kept.1 as usize == rank);
                    let images = both.ranking.images(class);
                    assert_eq!(both.ranking.cell(class, rank), slot.map(|slot| place_of(slot, images)));
                }
                chosen += due.selected.iter().filter(|kept| kept.2 != Chosen::Rank).count();
            }
            let stale = data.class_ids().filter(|c| !both.anew(&recipe, *c).covered).count();
            assert_eq!(both.ranking.stale(data.class_ids()), stale);
        }
    }
    let enough = selected > 1000 && chosen > 100;
    assert!(enough, "only {selected} patches, {chosen} of them by marks, were selected: the moves try too little");
}
