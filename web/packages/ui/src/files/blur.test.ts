import { describe, expect, it } from 'vitest';
import { laplacianVariance } from './blur';

const side = 64;
const picture = (at: (x: number, y: number) => number) => Float32Array.from({ length: side * side }, (_, i) => at(i % side, Math.floor(i / side)));

describe('the sharpness of a picture', () => {
  it('is high where edges are hard and low where they are smeared', () => {
    const sharp = picture((x) => (x % 8 < 4 ? 20 : 230));
    const smeared = picture((x) => 125 + 105 * Math.sin((x / side) * Math.PI * 2));
    expect(laplacianVariance(sharp, side, side)).toBeGreaterThan(1_000);
    expect(laplacianVariance(smeared, side, side)).toBeLessThan(60);
    expect(laplacianVariance(picture(() => 128), side, side)).toBe(0);
  });
});
