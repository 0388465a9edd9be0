use super::*;
use crate::core::data::dataset::{Class, DatasetBuilder, ImageId, Layout, Split};
use crate::core::data::source::Held;
use crate::core::distil::curation::{Choice, Mark};
use crate::core::distil::patch::CropBox;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{ClassScores, CropScore, Rival};
use crate::core::workspace::Command;
use crate::core::workspace::view::Brush;

const A: ClassId = ClassId(0);
const B: ClassId = ClassId(1);
const NOTHING: [Vec<u32>; 2] = [Vec::new(), Vec::new()];
const ENOUGH: Duration = Duration::from_secs(60);

/// Class a has the images 0 to 3 and b the images 4 to 7, of one crop each. With IPC 2, two distilled images of one cell are
/// stitched of each.
struct Desk {
    dataset: Arc<Dataset>,
    ranking: Ranking,
    workspace: Workspace,
    shown: Shown,
}

fn recipe(ipc: u32) -> Recipe<Rded> {
    let method = Rded { patches: 1, subset: 4, crops: 1, ..Rded::default() };
    Recipe { ipc, method, ..Recipe::default() }
}

/// Image i of the class has side i + 5, and the margins e^−loss − rival.
fn block(first: u32, scores: [(f32, Option<f32>); 4]) -> Arc<ClassScores> {
    let mut block = ClassScores::new(1);
    for (i, (loss, rival)) in (0..).zip(scores) {
        let rival = rival.map(|probability| Rival { output: 9, probability });
        let bbox = CropBox { top: 0, left: 0, height: i + 5, width: i + 5 };
        block.push(i, ImageId(first + i), &[bbox], &[CropScore { loss, rival }]);
    }
    Arc::new(block)
}

impl Desk {
    fn new() -> Self {
        let mut builder = DatasetBuilder::default();
        for name in ["a", "b"] {
            let names = ["Cat.png", "dog.png", "OWL.png", "tomcat.png"].map(|n| n.as_bytes().to_vec());
            builder.class(Class { name: name.into(), title: None, folder: name.into() }, names.to_vec());
        }
        let dataset = builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap();
        let dataset = Arc::new(dataset);
        let mut ranking = Ranking::default();
        ranking.open(Some(dataset.clone()));
        let mut workspace = Workspace::default();
        workspace.apply(Command::Opened { classes: 2 }).unwrap();
        ranking.update(&recipe(2), workspace.curation());
        let rivals = [Some(0.5), Some(0.0), None, Some(0.25)];
        let of = |losses: [f32; 4]| std::array::from_fn(|i| (losses[i], rivals[i]));
        ranking.add(&recipe(2), A, block(0, of([0.4, 0.1, 0.3, 0.2])));
        ranking.add(&recipe(2), B, block(4, of([0.1, f32::NAN, 0.2, f32::INFINITY])));
        Self { dataset, ranking, workspace, shown: Shown::default() }
    }

    fn work(&mut self, budget: Duration) -> bool {
        let of = Sources { dataset: &self.dataset, ranking: &self.ranking, workspace: &self.workspace };
        self.shown.work(of, budget)
    }

    fn apply(&mut self, command: Command) {
        self.workspace.apply(command).unwrap();
    }

    fn filter(&mut self, filter: Filter) -> [Vec<u32>; 2] {
        self.apply(Command::SetFilter(filter));
        self.images()
    }

    fn sort(&mut self, by: SortBy, descending: bool) -> [Vec<u32>; 2] {
        self.apply(Command::SetSort(Sort { by, descending }));
        self.images()
    }

    /// The images that are shown of either class.
    fn images(&mut self) -> [Vec<u32>; 2] {
        assert!(!self.work(ENOUGH));
        [A, B].map(|class| {
            let listing = self.shown.of(&self.ranking, class);
            let ranks = (0..listing.count().unwrap()).map(|place| listing.rank(place).unwrap());
            ranks.map(|rank| self.ranking.ranked(class)[rank].image.0).collect()
        })
    }

    fn counts(&self) -> [Option<usize>; 2] {
        [A, B].map(|class| self.shown.count_of(&self.ranking, class).count())
    }
}

fn brush(quantity: Quantity, low: f32, high: f32) -> Filter {
    Filter { brush: Some(Brush { quantity, low, high }), ..Filter::default() }
}

#[test]
fn everything_is_shown_by_rank_without_a_list() {
    let mut desk = Desk::new();
    assert_eq!(desk.images(), [vec![1, 3, 2, 0], vec![4, 6, 7, 5]]);
    assert!(desk.shown.lists.iter().all(Option::is_none));
    let listing = desk.shown.of(&desk.ranking, A);
    assert_eq!((listing.rank(4), listing.place(4), listing.place(3)), (None, None, Some(3)));
    assert_eq!((listing.passes(3), listing.passes(4), listing.stitched()), (Some(true), Some(false), Some(2)));
    // One class alone is no filter of its patches.
    desk.apply(Command::ShowClass(Some(A)));
    assert!(!desk.work(ENOUGH) && desk.shown.lists.iter().all(Option::is_none));
}

#[test]
fn each_part_of_a_filter_lets_its_patches_through() {
    let mut desk = Desk::new();
    let open = Filter::default;
    // Ends are within; neither NaN nor what isn't known is in any range.
    assert_eq!(desk.filter(brush(Quantity::Loss, 0.1, 0.2)), [vec![1, 3], vec![4, 6]]);
    assert_eq!(desk.filter(brush(Quantity::Loss, 0.3, f32::INFINITY)), [vec![2, 0], vec![7]]);
    // Margins of a: e^−0.4 − 0.5 = 0.17, e^−0.1 = 0.905, unknown, e^−0.2 − 0.25 = 0.569; of b: 0.405, NaN, unknown, −0.25.
    assert_eq!(desk.filter(brush(Quantity::Margin, 0.5, 1.0)), [vec![1, 3], vec![]]);
    assert_eq!(desk.filter(brush(Quantity::Margin, -1.0, 0.45)), [vec![0], vec![4, 7]]);
    let named = |name: &str| Filter { name: name.into(), ..open() };
    assert_eq!(desk.filter(named("cAT")), [vec![3, 0], vec![4, 7]]);
    assert_eq!(desk.filter(named("b/")), NOTHING, "the name of the file, not of its folder");
    assert_eq!(desk.filter(Filter { stitched: true, ..open() }), [vec![1, 3], vec![4, 6]]);
    // Two images of one cell each: both stitched patches lie in cell 0.
    assert_eq!(desk.filter(Filter { cell: Some(0), ..open() }), [vec![1, 3], vec![4, 6]]);
    assert_eq!(desk.filter(Filter { cell: Some(1), ..open() }), NOTHING);
    assert_eq!(desk.filter(Filter { stitched: true, ..named("cat") }), [vec![3], vec![4]]);
    assert_eq!(desk.filter(open()), [vec![1, 3, 2, 0], vec![4, 6, 7, 5]]);
}

#[test]
fn sorts_put_what_has_no_value_last_either_way() {
    let mut desk = Desk::new();
    assert_eq!(desk.sort(SortBy::Rank, true), [vec![0, 2, 3, 1], vec![5, 7, 6, 4]]);
    assert_eq!(desk.sort(SortBy::Loss, false), [vec![1, 3, 2, 0], vec![4, 6, 7, 5]]);
    assert_eq!(desk.sort(SortBy::Loss, true), [vec![0, 2, 3, 1], vec![7, 6, 4, 5]]);
    // What has none stays in the order of the ranks: of b 6 before 5.
    assert_eq!(desk.sort(SortBy::Margin, false), [vec![0, 3, 1, 2], vec![7, 4, 6, 5]]);
    assert_eq!(desk.sort(SortBy::Margin, true), [vec![1, 3, 0, 2], vec![4, 7, 6, 5]]);
    assert_eq!(desk.sort(SortBy::Name, false), [vec![0, 1, 2, 3], vec![4, 5, 6, 7]]);
    assert_eq!(desk.sort(SortBy::Size, true), [vec![3, 2, 1, 0], vec![7, 6, 5, 4]]);
    desk.apply(Command::SetFilter(Filter { name: "cat".into(), ..Filter::default() }));
    assert_eq!(desk.images(), [vec![3, 0], vec![7, 4]]);
    let listing = desk.shown.of(&desk.ranking, A);
    // Image 3 has rank 1 and is stitched, image 0 has rank 3.
    assert_eq!((listing.rank(0), listing.place(3), listing.place(0)), (Some(1), Some(1), None));
    assert_eq!((listing.passes(0), listing.passes(1), listing.stitched()), (Some(false), Some(true), Some(1)));
}

#[test]
fn marks_are_followed_where_the_filter_asks_for_them() {
    let mut desk = Desk::new();
    let mark = |choice, tag| Mark { choice, tag, ..Mark::default() };
    let marks = vec![(ImageId(2), mark(Choice::Pinned, 3)), (ImageId(7), mark(Choice::Rejected, 3))];
    desk.apply(Command::Curate { marks, words: "marks".into() });
    desk.ranking.update(&recipe(2), desk.workspace.curation());
    let of = |choice| Filter { choice: Some(choice), ..Filter::default() };
    assert_eq!(desk.filter(of(Choice::Pinned)), [vec![2], vec![]]);
    assert_eq!(desk.filter(of(Choice::Rejected)), [vec![], vec![7]]);
    assert_eq!(desk.filter(of(Choice::Ranked)), [vec![1, 3, 0], vec![4, 6, 5]]);
    assert_eq!(desk.filter(Filter { tag: Some(3), ..Filter::default() }), [vec![2], vec![7]]);
    // A tag changes no ranking, and concerns its class alone.
    desk.apply(Command::Curate { marks: vec![(ImageId(4), mark(Choice::Ranked, 3))], words: "tag".into() });
    let before = desk.shown.lists[0].as_ref().unwrap().ranks.as_ptr();
    assert_eq!(desk.images(), [vec![2], vec![4, 7]]);
    assert_eq!(desk.shown.lists[0].as_ref().unwrap().ranks.as_ptr(), before, "the list of a stays");
    desk.apply(Command::Undo);
    assert_eq!(desk.images(), [vec![2], vec![7]]);
}

#[test]
fn lists_follow_scores_and_what_is_stitched() {
    let mut desk = Desk::new();
    assert_eq!(desk.filter(brush(Quantity::Loss, 0.15, 0.35)), [vec![3, 2], vec![6]]);
    assert_eq!(desk.shown.of(&desk.ranking, A).stitched(), Some(1));
    // More images of one class: the list stays, and more of it is stitched.
    desk.ranking.update(&recipe(3), desk.workspace.curation());
    assert_eq!(desk.counts(), [None, None]);
    assert_eq!(desk.images(), [vec![3, 2], vec![6]]);
    assert_eq!(desk.shown.of(&desk.ranking, A).stitched(), Some(2));
    let stitched = Filter { stitched: true, ..Filter::default() };
    assert_eq!(desk.filter(stitched), [vec![1, 3, 2], vec![4, 6, 7]]);
    desk.ranking.update(&recipe(1), desk.workspace.curation());
    assert_eq!(desk.images(), [vec![1], vec![4]]);
    // Scores of one class arrive.
    desk.ranking.add(&recipe(1), A, block(0, [1.0, 2.0, 3.0, 0.5].map(|loss| (loss, None))));
    assert_eq!(desk.counts(), [None, Some(1)]);
    assert_eq!(desk.images(), [vec![3], vec![4]]);
    // Other scores of everything, as of another observer.
    desk.ranking.open(Some(desk.dataset.clone()));
    assert_eq!(desk.images(), NOTHING);
}

#[test]
fn a_frame_lists_what_it_has_time_for_and_what_is_looked_at_first() {
    let mut desk = Desk::new();
    desk.apply(Command::SetFilter(brush(Quantity::Loss, 0.0, 0.15)));
    assert!(desk.work(Duration::ZERO));
    assert_eq!((desk.counts(), desk.shown.total(&desk.ranking, &[A, B])), ([Some(1), None], (1, 1)));
    assert!(!desk.work(Duration::ZERO));
    assert_eq!((desk.counts(), desk.shown.total(&desk.ranking, &[A, B])), ([Some(1); 2], (2, 0)));
    assert_eq!(desk.shown.total_stitched(&desk.ranking, &[A, B]), (2, 0));
    // A class in view comes first, and before it the one that is shown alone.
    desk.apply(Command::SetFilter(brush(Quantity::Loss, 0.0, 0.25)));
    assert!(desk.work(Duration::ZERO));
    desk.apply(Command::SetFilter(brush(Quantity::Loss, 0.0, 0.35)));
    desk.shown.lists.clear();
    assert!(desk.shown.of(&desk.ranking, B).count().is_none());
    assert!(desk.work(Duration::ZERO));
    assert_eq!(desk.counts(), [None, Some(2)]);
    desk.apply(Command::SetFilter(Filter { class: Some(B), ..brush(Quantity::Loss, 0.0, 0.5) }));
    assert!(desk.work(Duration::ZERO));
    assert_eq!(desk.counts(), [None, Some(2)]);
}
