//! The digits of a double by Grisu2, as servers make them since 7.2.

/// Decimal digits, the last of which stands for 10^exponent.
pub(super) struct Decimal {
    digits: [u8; 18],
    len: usize,
    pub(super) exponent: i32,
}

impl Decimal {
    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// A leading zero is no digit.
    fn push(&mut self, digit: u64) {
        if (digit != 0 || self.len > 0)
            && let Some(to) = self.digits.get_mut(self.len)
        {
            #[allow(clippy::cast_possible_truncation, reason = "one digit")]
            {
                *to = b'0' + digit as u8;
            }
            self.len += 1;
        }
    }
}

/// A binary float: f times 2^e.
#[derive(Clone, Copy)]
struct Binary {
    f: u64,
    e: i32,
}

impl Binary {
    fn normalized(self) -> Binary {
        let shift = self.f.leading_zeros();
        Binary {
            f: self.f << shift,
            e: self.e - shift.cast_signed(),
        }
    }

    /// The product's upper 64 bits, rounded.
    fn times(self, other: Binary) -> Binary {
        let product = u128::from(self.f) * u128::from(other.f) + (1 << 63);
        #[allow(clippy::cast_possible_truncation, reason = "the upper half")]
        Binary {
            f: (product >> 64) as u64,
            e: self.e + other.e + 64,
        }
    }
}

/// Loitsch's Grisu2 for a positive, finite number.
pub(super) fn grisu2(value: f64) -> Decimal {
    const FRACTION: u32 = 52;
    let bits = value.to_bits();
    let fraction = bits & ((1 << FRACTION) - 1);
    #[allow(clippy::cast_possible_truncation, reason = "eleven bits")]
    let biased = (bits >> FRACTION) as i32;
    let number = if biased == 0 {
        Binary {
            f: fraction,
            e: -1074,
        }
    } else {
        Binary {
            f: fraction | 1 << FRACTION,
            e: biased - 1075,
        }
    };

    // The neighbours' midpoints. Below a power of two the doubles stand twice as close.
    let upper = Binary {
        f: (number.f << 1) + 1,
        e: number.e - 1,
    }
    .normalized();
    let closer = if number.f == 1 << FRACTION { 2 } else { 1 };
    let lower_e = number.e - closer;
    let lower = Binary {
        f: ((number.f << closer) - 1) << (lower_e - upper.e),
        e: upper.e,
    };

    let (power, k) = cached_power(upper.e);
    let w = number.normalized().times(power);
    // One unit inwards: the products are off by less than that, so what lies between is surely within the midpoints.
    let mut upper = upper.times(power);
    upper.f -= 1;
    let lower = lower.times(power).f + 1;

    let mut decimal = Decimal {
        digits: [0; 18],
        len: 0,
        exponent: -k,
    };
    generate(w.f, upper, lower, &mut decimal);
    decimal
}

/// The shortest digits between `lower` and `upper`, then brought towards `w`. All three share the exponent.
fn generate(w: u64, upper: Binary, lower: u64, out: &mut Decimal) {
    let shift = (-upper.e).cast_unsigned();
    let one = 1u64 << shift;
    let above = upper.f - w;
    let mut delta = upper.f - lower;
    let mut whole = upper.f >> shift;
    let mut part = upper.f & (one - 1);

    let mut unit = 1_000_000_000u64;
    for kappa in (0..10).rev() {
        out.push(whole / unit);
        whole %= unit;
        let rest = (whole << shift) + part;
        if rest <= delta {
            out.exponent += kappa;
            return approach(out, delta, rest, unit << shift, above);
        }
        unit /= 10;
    }
    let mut kappa = 0;
    let mut scale = 1u64;
    loop {
        part = part.wrapping_mul(10);
        delta = delta.wrapping_mul(10);
        scale = scale.wrapping_mul(10);
        kappa -= 1;
        out.push(part >> shift);
        part &= one - 1;
        if part < delta {
            out.exponent += kappa;
            return approach(out, delta, part, one, above.wrapping_mul(scale));
        }
        if kappa < -20 {
            // Not reached: delta is at least one unit and grows tenfold each time.
            return;
        }
    }
}

/// Lowers the last digit while that brings the text nearer to the number and keeps it within the bounds. `rest` is how
/// far the text is below the upper bound, `above` how far the number is, `unit` what one step changes.
fn approach(out: &mut Decimal, delta: u64, mut rest: u64, unit: u64, above: u64) {
    let len = out.len;
    let Some(last) = len.checked_sub(1).and_then(|at| out.digits.get_mut(at)) else {
        return;
    };
    while rest < above
        && delta - rest >= unit
        && (rest + unit < above || above - rest > rest + unit - above)
    {
        *last -= 1;
        rest += unit;
    }
}

pub(super) const FIRST_POWER: i32 = -348;
pub(super) const POWER_STEP: i32 = 8;

/// A power of ten that brings an exponent of `e` into -60..=-32, and its own decimal exponent. Often two would do:
/// which one is taken decides some last digits, so the search starts where the servers' does.
fn cached_power(e: i32) -> (Binary, i32) {
    const COUNT: i32 = 87;
    #[allow(clippy::cast_possible_truncation, reason = "exponents are small")]
    let approximate = (f64::from(-(e + COUNT)) * std::f64::consts::LOG10_2) as i32;
    let mut index = (approximate - FIRST_POWER) / POWER_STEP;
    // The powers are 26.6 bits apart and the range is 28 wide: one or two steps.
    for _ in 0..COUNT {
        let k = FIRST_POWER + index * POWER_STEP;
        let power = Binary {
            f: usize::try_from(index)
                .ok()
                .and_then(|i| POWERS.get(i))
                .copied()
                .unwrap_or(1 << 63),
            e: power_exponent(k),
        };
        let reached = e + power.e + 64;
        if reached < -60 {
            index += 1;
        } else if reached > -32 {
            index -= 1;
        } else {
            return (power, k);
        }
    }
    // Not reached for the exponents of doubles, as the tests show for each of them.
    (Binary { f: 1 << 63, e: -63 }, 0)
}

/// The binary exponent of 10^k as a normalized 64-bit number: floor(k · log2 10) - 63, exact over the table.
pub(super) fn power_exponent(k: i32) -> i32 {
    ((k * 217_706) >> 16) - 63
}

/// 10^-348, 10^-340 … 10^340: the upper 64 bits, rounded.
#[rustfmt::skip]
pub(super) const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288,
    0xbaae_e17f_a23e_bf76,
    0x8b16_fb20_3055_ac76,
    0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d,
    0xe61a_cf03_3d1a_45df,
    0xab70_fe17_c79a_c6ca,
    0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c,
    0x8dd0_1fad_907f_fc3c,
    0xd351_5c28_3155_9a83,
    0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb,
    0xaecc_4991_4078_536d,
    0x823c_1279_5db6_ce57,
    0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f,
    0xd774_85cb_2582_3ac7,
    0xa086_cfcd_97bf_97f4,
    0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e,
    0x84c8_d4df_d2c6_3f3b,
    0xc5dd_4427_1ad3_cdba,
    0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584,
    0xa3ab_6658_0d5f_daf6,
    0xf3e2_f893_dec3_f126,
    0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b,
    0xc9bc_ff60_34c1_3053,
    0x964e_858c_91ba_2655,
    0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f,
    0xf8a9_5fcf_8874_7d94,
    0xb944_7093_8fa8_9bcf,
    0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6,
    0x993f_e2c6_d07b_7fac,
    0xe45c_10c4_2a2b_3b06,
    0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e,
    0xbce5_0864_9211_1aeb,
    0x8cbc_cc09_6f50_88cc,
    0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000,
    0xe8d4_a510_0000_0000,
    0xad78_ebc5_ac62_0000,
    0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3,
    0x8f7e_32ce_7bea_5c70,
    0xd5d2_38a4_abe9_8068,
    0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27,
    0xb0de_6538_8cc8_ada8,
    0x83c7_088e_1aab_65db,
    0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758,
    0xda01_ee64_1a70_8dea,
    0xa26d_a399_9aef_774a,
    0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877,
    0x865b_8692_5b9b_c5c2,
    0xc835_53c5_c896_5d3d,
    0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3,
    0xa59b_c234_db39_8c25,
    0xf6c6_9a72_a398_9f5c,
    0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2,
    0xcc20_ce9b_d35c_78a5,
    0x9816_5af3_7b21_53df,
    0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396,
    0xfb9b_7cd9_a4a7_443c,
    0xbb76_4c4c_a7a4_4410,
    0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c,
    0x9b10_a4e5_e991_3129,
    0xe710_9bfb_a19c_0c9d,
    0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85,
    0xbf21_e440_03ac_dd2d,
    0x8e67_9c2f_5e44_ff8f,
    0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9,
    0xeb96_bf6e_badf_77d9,
    0xaf87_023b_9bf0_ee6b,
];
