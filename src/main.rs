//! bench
use redisk::{
    input::open::Input,
    pipe,
    rdb::{
        frame::Reader,
        keys::Keys,
        visit::Visit,
        walk::{self, Scratch, Walk},
    },
};
struct Nop;
impl Visit for Nop {}
struct W<'k> {
    deep: bool,
    sc: Scratch,
    n: u64,
    keys: Option<redisk::rdb::keys::Batch<'k>>,
    distinct: bool,
}
impl pipe::Work for W<'_> {
    fn block(
        &mut self,
        b: &redisk::rdb::frame::Block,
        _o: &mut pipe::Out<'_, '_>,
    ) -> redisk::Result<pipe::Flow> {
        let mut s = Vec::new();
        for r in b.records() {
            if let Some(row) = r.row() {
                self.n += 1;
                if let Some(k) = &mut self.keys {
                    let key = r.key(&mut s)?;
                    k.add(r.frame.db, key);
                }
                if self.deep {
                    let w = Walk {
                        row,
                        templates: &b.templates,
                        distinct: self.distinct,
                    };
                    match r.body() {
                        Some(mut c) => walk::slice(&w, &mut c, &mut self.sc, &mut Nop)?,
                        None => walk::paged(&w, &mut r.big_body()?, &mut self.sc, &mut Nop)?,
                    }
                }
            }
        }
        if let Some(k) = &mut self.keys {
            k.flush()?;
        }
        Ok(pipe::Flow::More)
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let i = Input::open(a[1].as_ref()).unwrap();
    let m = &a[2];
    let r = Reader::new(i.stream, i.file, true).unwrap();
    let keys = Keys::default();
    let mut sink = std::io::sink();
    let o = pipe::run(
        r,
        a[3].parse().unwrap(),
        || W {
            deep: m.contains('d'),
            distinct: m.contains('u'),
            sc: Scratch::default(),
            n: 0,
            keys: m.contains('k').then(|| keys.batch()),
        },
        &mut sink,
        &|_| (),
    );
    println!(
        "{} {:?} {:?} {:?}",
        o.workers.iter().map(|w| w.n).sum::<u64>(),
        o.error,
        o.reader.ending(),
        keys.suspects().unwrap().len()
    );
}
