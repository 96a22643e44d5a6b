// Two NiiVue viewers with linked crosshairs. NiiVue sees only files that the host has written.

const PLANES = { multiplanar: "sliceTypeMultiplanar", axial: "sliceTypeAxial", coronal: "sliceTypeCoronal", sagittal: "sliceTypeSagittal" };
const LOOK = {
  backColor: [0, 0, 0, 1],
  crosshairColor: [1, 0.8, 0.2, 0.7],
  crosshairWidth: 1,
  crosshairWidthUnit: "screenPixels",
  dragAndDropEnabled: false,
  fontColor: [0.8, 0.8, 0.8, 1],
  isRadiologicalConvention: true,
  isSliceMM: true,
  loadingText: "",
  logLevel: "error",
  multiplanarShowRender: 0,
  sagittalNoseLeft: true,
  dragMode: 3, // the right button pans; the window stands in fields
};
const DIVERGING = { R: [40, 130, 0, 255, 255], G: [90, 200, 0, 90, 230], B: [255, 255, 0, 40, 120], A: [255, 255, 0, 255, 255], I: [0, 64, 128, 192, 255] };

async function image({ nifti, window: [low, high], colormap = "gray" }) {
  const { NVImage } = globalThis.niivue;
  return NVImage.new(await nifti.arrayBuffer(), "volume.nii", colormap, 1, null, low, high);
}

export class Panes {
  static async attach(figures) {
    const panes = new Panes();
    panes.sides = {};
    for (const [side, figure] of Object.entries(figures)) {
      const viewer = new globalThis.niivue.Niivue(LOOK);
      await viewer.attachToCanvas(figure.querySelector("canvas"));
      viewer.addColormap("difference", DIVERGING);
      const [caption, value] = [figure.querySelector("figcaption span"), figure.querySelector("output")];
      panes.sides[side] = { viewer, caption, value, shown: null };
      viewer.onLocationChange = ({ values }) => {
        value.textContent = values.length ? Number(values[0].value.toPrecision(5)) : "";
      };
    }
    const { left, right } = panes.sides;
    left.viewer.broadcastTo([right.viewer], { "2d": true });
    right.viewer.broadcastTo([left.viewer], { "2d": true });
    return panes;
  }

  /** Show `volume` {name, nifti (Blob), window [low, high], synthetic, colormap} in a pane; nothing where it is null. */
  async show(side, volume) {
    const pane = this.sides[side];
    if (pane.shown === volume) return;
    pane.shown = volume;
    pane.caption.textContent = volume?.name ?? "";
    pane.caption.parentElement.classList.toggle("synthetic", Boolean(volume?.synthetic));
    const loaded = volume && (await image(volume));
    // Another volume may have been chosen while this one was read.
    if (pane.shown !== volume) return;
    // Not through loadFromArrayBuffer and the setters: each would send the whole volume to the GPU again.
    pane.viewer.volumes = [];
    if (loaded) pane.viewer.addVolume(loaded);
    else pane.viewer.updateGLVolume();
    pane.value.textContent = "";
  }

  /** Black and white of a pane, in the volume's units. */
  setWindow(side, [low, high]) {
    const { viewer } = this.sides[side];
    if (!viewer.volumes.length) return;
    Object.assign(viewer.volumes[0], { cal_min: low, cal_max: high });
    viewer.updateGLVolume();
  }

  setPlanes(name) {
    this.each((viewer) => viewer.setSliceType(viewer[PLANES[name]]));
  }

  setRadiological(wanted) {
    this.each((viewer) => viewer.setRadiologicalConvention(wanted));
  }

  /** After the layout changed. */
  redraw() {
    this.each((viewer) => {
      viewer.resizeListener?.();
      viewer.drawScene();
    });
  }

  each(act) {
    for (const { viewer } of Object.values(this.sides)) act(viewer);
  }
}
