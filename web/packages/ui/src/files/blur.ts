/** What a picture says about itself before it is sent. */
export interface Sharpness {
  /** Variance of the Laplacian on the reduced picture: under about 60 nobody can read small print. */
  variance: number;
  blurred: boolean;
  dark: boolean;
  width: number;
  height: number;
}

const side = 640;
const blurredBelow = 60;
const darkBelow = 45;

/** On plain grey values, so that it can be tested without a browser. */
export function laplacianVariance(grey: Float32Array | Uint8Array, width: number, height: number): number {
  let sum = 0;
  let squares = 0;
  let n = 0;
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const at = y * width + x;
      const value = 4 * grey[at]! - grey[at - 1]! - grey[at + 1]! - grey[at - width]! - grey[at + width]!;
      sum += value;
      squares += value * value;
      n += 1;
    }
  }
  if (n === 0) return 0;
  const mean = sum / n;
  return squares / n - mean * mean;
}

/** Null where the browser cannot read the picture (HEIC, mostly): then the server decides. */
export async function sharpness(file: Blob): Promise<Sharpness | null> {
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return null;
  }
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const width = Math.max(3, Math.round(picture.width * scale));
  const height = Math.max(3, Math.round(picture.height * scale));
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(picture, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const grey = new Float32Array(width * height);
  let light = 0;
  for (let at = 0; at < grey.length; at += 1) {
    const value = 0.299 * data[at * 4]! + 0.587 * data[at * 4 + 1]! + 0.114 * data[at * 4 + 2]!;
    grey[at] = value;
    light += value;
  }
  const variance = laplacianVariance(grey, width, height);
  const found = { variance, blurred: variance < blurredBelow, dark: light / grey.length < darkBelow, width: picture.width, height: picture.height };
  picture.close();
  return found;
}
