// The camera: a dialog with what it sees; on a phone the phone's own.

const $ = (id) => document.getElementById(id);

/** Open it; `take(files)` gets the picture, `say(sentence)` why there is none. */
export async function openCamera(take, say) {
  if (matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices?.getUserMedia) return $("native-camera").click();
  const dialog = $("camera-dialog");
  const video = dialog.querySelector("video");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 } } });
  } catch {
    return say("There is no camera here, or the browser may not use it.");
  }
  const { width, height } = stream.getVideoTracks()[0].getSettings();
  video.style.aspectRatio = `${width || 4} / ${height || 3}`; // before it is shown: the dialog keeps its size
  video.srcObject = stream;
  dialog.onclose = () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  dialog.showModal();
  $("shoot").disabled = true;
  try {
    await video.play();
  } catch {
    return; // closed before there was a picture
  }
  $("shoot").disabled = false;
  $("shoot").onclick = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => {
      dialog.close();
      if (blob) take([new File([blob], "camera.png", { type: "image/png" })]);
    }, "image/png");
  };
}
