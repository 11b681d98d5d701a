# SPDX-License-Identifier: Apache-2.0
# Log messages at debug and above begin with an id, FHIRnnnn, that no other message has, and that
# docs/operating.md explains.
use strict;
use warnings;
use FHIR::Test::System qw(read_file source_dir);
use Test::More;

# { id => [places] }, and calls without an id, of one file's text.
sub scan {
    my ($name, $text) = @_;
    my (%ids, @bare);
    while ($text =~ /\b(?:FHIR_LOG|ap_log_\w*error)\s*\(([^;"]*)"([^"]*)/g) {
        my ($arguments, $message) = ($1, $2);
        next if $arguments =~ /\bdefine\b|TRACE/;
        my $line = 1 + (substr($text, 0, pos $text) =~ tr/\n//);
        if ($message =~ /^(FHIR\d{4}): /) { push @{ $ids{$1} }, "$name:$line" }
        else { push @bare, "$name:$line: $message" unless $message =~ /^%s/ }
    }
    return (\%ids, \@bare);
}

my ($ids, $bare) = scan('x', <<'C');
FHIR_LOG(log, FHIR_LOG_WARNING, "FHIR0001: a");
FHIR_LOG(log, FHIR_LOG_WARNING,
         "FHIR0001: b %d", 1);
ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "no id");
FHIR_LOG(log, FHIR_LOG_TRACE, "free");
C
is_deeply($ids, { FHIR0001 => [ 'x:1', 'x:3' ] }, 'sees ids');
is_deeply($bare, ['x:4: no id'], 'sees a message without one');

my (%all, @without);
my $source = source_dir() . '/mod_fhir';
for my $path (glob "$source/*/*.c $source/*/*/*.c") {
    my ($found, $missing) = scan($path =~ s/^\Q$source\E\///r, read_file($path));
    push @{ $all{$_} }, @{ $found->{$_} } for keys %$found;
    push @without, @$missing;
}
my @twice = map { "$_: @{ $all{$_} }" } grep { @{ $all{$_} } > 1 } sort keys %all;
is(join("\n", @twice), '', 'no id is used twice');
is(join("\n", @without), '', 'each message has an id');
my %explained = map { $_ => 1 } map { /(FHIR\d{4})/g } read_file(source_dir() . '/docs/operating.md')
    =~ /^\| (`FHIR[^|]*) \|/mg;
is(join(' ', sort keys %explained), join(' ', sort keys %all), 'docs/operating.md explains each');
diag(sprintf 'next free log id: FHIR%04d', 1 + substr((sort keys %all)[-1] // 'FHIR0000', 4));

done_testing;
