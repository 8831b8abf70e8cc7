/** Puts `text` into an editor (its content) in place of what is there, as a paste does; the cursor is at its end. */
export async function paste(content, text) {
  await content.click();
  await content.page().keyboard.press("Control+a");
  await content.evaluate((element, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}
