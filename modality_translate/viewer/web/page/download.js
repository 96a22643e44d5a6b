// The result as a file that the browser saves: packed here, never sent anywhere.

/** Makes the link save `nifti` (Blob) as `name`, gzip-compressed. */
export async function saveLink(link, nifti, name) {
  const packed = await new Response(nifti.stream().pipeThrough(new CompressionStream("gzip"))).blob();
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(packed);
  link.download = name;
  link.textContent = `Download ${name}`;
  link.hidden = false;
}
