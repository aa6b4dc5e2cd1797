/** The scenarios of partitions: apart from the others, as all of them take long. */
import { ofPartitions } from './catalogue.ts';
import { judge } from './judged.ts';

judge(ofPartitions);
